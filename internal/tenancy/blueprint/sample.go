package blueprint

import (
	"fmt"
	"reflect"
	"strings"
)

// Sample is a whole blueprint that explains itself, from the types.
func Sample() string {
	one := func(n int64) *int64 { return &n }
	f := File{
		Version: 1, Customer: "Harbour Dental",
		Quotas:    &Quotas{one(25), one(200), one(20_000), one(600_000), one(20)},
		Branding:  &Branding{Name: "Northern Voice", Accent: "#1f4e79", OnAccent: "#ffffff"},
		Retention: &Retention{Days: new(365)},
		Speech:    &Speech{"builtin", "en-GB"},
		SignIn:    &SignIn{"strong", 30},
		Sources: []Source{{
			Name: "Front desk", Kind: "collector", Profile: "asterisk", Folder: "/var/spool/asterisk/monitor", Logs: "/var/log/asterisk",
			TimeZone: "Europe/London", Language: "en-GB", Country: "GB", After: "keep",
		}},
		People: []Person{{"dana@harbour.example", "Dana Reyes", []string{"customer_admin"}}},
	}
	var b strings.Builder
	b.WriteString("# A Ringfence blueprint: everything that sets up a customer. Only version and\n# customer are needed; what is left out stays as it is.\n")
	write(&b, reflect.ValueOf(f), "", true)
	return b.String()
}

// write sets out a struct; an empty key is shown as a comment.
func write(b *strings.Builder, v reflect.Value, indent string, spaced bool) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if spaced {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "%s# %s\n", indent, f.Tag.Get("doc"))
		writeValue(b, f.Tag.Get("yaml"), value, indent)
	}
}

func writeValue(b *strings.Builder, key string, v reflect.Value, indent string) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct:
		fmt.Fprintf(b, "%s%s:\n", indent, key)
		write(b, v, indent+"  ", false)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		fmt.Fprintf(b, "%s%s: [%s]\n", indent, key, strings.Join(v.Interface().([]string), ", "))
	case v.Kind() == reflect.Slice:
		fmt.Fprintf(b, "%s%s:\n", indent, key)
		for i := range v.Len() {
			var entry strings.Builder
			write(&entry, v.Index(i), indent+"    ", false)
			text := entry.String() // the first key carries the dash; its comment goes above
			line, rest, _ := strings.Cut(text, "\n")
			b.WriteString(line + "\n" + indent + "  - " + strings.TrimLeft(rest, " "))
		}
	case v.IsZero():
		fmt.Fprintf(b, "%s# %s:\n", indent, key)
	case v.Kind() == reflect.String:
		fmt.Fprintf(b, "%s%s: %q\n", indent, key, v.String())
	default:
		fmt.Fprintf(b, "%s%s: %v\n", indent, key, v.Interface())
	}
}
