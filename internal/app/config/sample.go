package config

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Sample is the configuration of all defaults, explained.
func Sample() []byte { return Render(Default()) }

// Render writes a configuration that explains itself: every key with its
// meaning from the type and its value. Keys without a value are commented out.
func Render(c Config) []byte { return RenderWith(c, nil) }

// RenderWith adds remarks, each above the key of the first level that it is
// about. A remark is one paragraph, whatever it holds: a line break in it must
// not become a setting.
func RenderWith(c Config, remarks map[string]string) []byte {
	var b strings.Builder
	b.WriteString("# Ringfence configuration. Every key, with what it means; a key that is\n# commented out has no value. `ringfence serve --config FILE` reports all faults\n# of this file at once.\n")
	write(&b, reflect.ValueOf(c), "", remarks)
	return []byte(b.String())
}

func write(b *strings.Builder, v reflect.Value, indent string, remarks map[string]string) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name := f.Tag.Get("yaml")
		if indent == "" {
			b.WriteString("\n")
		}
		comment(b, indent, f.Tag.Get("doc"))
		if r := remarks[name]; r != "" {
			comment(b, indent, r)
		}
		switch value.Kind() {
		case reflect.Struct:
			fmt.Fprintf(b, "%s%s:\n", indent, name)
			write(b, value, indent+"  ", nil)
		case reflect.Slice:
			fmt.Fprintf(b, "%s%s: [", indent, name)
			for i := range value.Len() {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(quote(value.Index(i)))
			}
			b.WriteString("]\n")
		default:
			if value.IsZero() {
				fmt.Fprintf(b, "%s# %s:\n", indent, name)
			} else {
				fmt.Fprintf(b, "%s%s: %v\n", indent, name, quote(value))
			}
		}
	}
}

func comment(b *strings.Builder, indent, text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for line := range strings.SplitSeq(wrap(text, 90-len(indent)), "\n") {
		fmt.Fprintf(b, "%s# %s\n", indent, line)
	}
}

func quote(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v.Interface())
}

func wrap(s string, width int) string {
	var out strings.Builder
	n := 0
	for _, w := range strings.Fields(s) {
		if n > 0 && n+1+len(w) > width {
			out.WriteString("\n")
			n = 0
		} else if n > 0 {
			out.WriteString(" ")
			n++
		}
		out.WriteString(w)
		n += len(w)
	}
	return out.String()
}
