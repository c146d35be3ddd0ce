package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// Typist reads what a person types, line by line, and ends when the operator
// gives up.
type Typist struct{ In *bufio.Reader }

// Line is the next line without its end.
func (t Typist) Line(ctx context.Context) (string, error) {
	return typed(ctx, func() (string, error) {
		text, err := t.In.ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		return text, err
	})
}

// Ask reads a paragraph, unless the operator gives up.
func Ask(ctx context.Context, in *bufio.Reader) (string, error) {
	return typed(ctx, func() (string, error) { return paragraph(in) })
}

// typed waits for a read from a terminal, which does not end by itself when Ctrl-C
// is pressed.
func typed(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// paragraph reads lines up to an empty one or the end of input.
func paragraph(in *bufio.Reader) (string, error) {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		text.WriteString(line)
		switch {
		case errors.Is(err, io.EOF) && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		case err != nil:
			return "", err
		case strings.TrimSpace(line) == "" && strings.TrimSpace(text.String()) != "":
			return text.String(), nil
		}
	}
}
