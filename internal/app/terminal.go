package app

import (
	"bufio"
	"context"
	"errors"
	"io"
)

// typist reads what a person types, line by line, and ends when the operator
// gives up: a read from a terminal does not end by itself with Ctrl-C.
type typist struct{ in *bufio.Reader }

// line is the next line without its end.
func (t typist) line(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := t.in.ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
