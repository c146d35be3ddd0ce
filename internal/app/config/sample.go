package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Sample is the configuration of all defaults, explained.
func Sample() []byte { return Render(Default()) }

// Render writes a configuration that explains itself: every key with its
// meaning from the type and its value. Keys without a value are commented out.
func Render(c Config) []byte {
	var b strings.Builder
	b.WriteString("# Ringfence configuration. Every key, with what it means; a key that is\n# commented out has no value. `ringfence serve --config FILE` reports all faults\n# of this file at once.\n")
	write(&b, reflect.ValueOf(c), "")
	return []byte(b.String())
}

func write(b *strings.Builder, v reflect.Value, indent string) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name := f.Tag.Get("yaml")
		if indent == "" {
			b.WriteString("\n")
		}
		for line := range strings.SplitSeq(wrap(f.Tag.Get("doc"), 90-len(indent)), "\n") {
			fmt.Fprintf(b, "%s# %s\n", indent, line)
		}
		switch value.Kind() {
		case reflect.Struct:
			fmt.Fprintf(b, "%s%s:\n", indent, name)
			write(b, value, indent+"  ")
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
