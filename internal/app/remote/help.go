package remote

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// List prints every operation under the word that it is about.
func (a *API) List(out io.Writer) {
	tag := ""
	for _, o := range a.ops {
		if o.Tag != tag {
			tag = o.Tag
			fmt.Fprintf(out, "\n%s\n", tag)
		}
		who := ""
		if o.person {
			who = "  (session)"
		}
		fmt.Fprintf(out, "  %-28s %s%s\n", o.ID, o.Summary, who)
	}
}

// Explain prints what one operation does and what its body holds.
func (a *API) Explain(out io.Writer, o Operation) {
	fmt.Fprintf(out, "%s: %s\n%s %s\n", o.ID, o.Summary, o.Method, o.Path)
	if o.Description != "" {
		fmt.Fprintln(out, o.Description)
	}
	if o.person {
		fmt.Fprintln(out, "A person does this, with --session-file; no token can.")
	}
	switch {
	case o.body != nil:
		fmt.Fprintln(out, "\nBody (--body FILE, or - for standard input; plain fields also as flags):")
		a.fields(out, o.body, "  ", outermost)
	case o.raw != "":
		fmt.Fprintf(out, "\nBody: %s (--body FILE, or - for standard input)\n", o.raw)
	}
}

// outermost is how deep a body is explained.
const outermost = 3

// fields lists the properties of a body, those of inner objects below them.
func (a *API) fields(out io.Writer, s *schema, indent string, depth int) {
	if s = a.resolve(s); s == nil || depth == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := a.resolve(s.Properties[name])
		if p == nil || name == "$schema" {
			continue
		}
		kind, inner := p.Type.String(), p
		if kind == "array" {
			if inner = a.resolve(p.Items); inner != nil {
				kind = "list of " + inner.Type.String()
			}
		}
		about := []string{kind}
		if slices.Contains(s.Required, name) {
			about = append(about, "needed")
		}
		if e := p.enum(); len(e) > 0 {
			about = append(about, "one of "+strings.Join(e, ", "))
		}
		if depth == outermost && hidden(name, p) {
			about = append(about, "secret: only in --body, as other users of the machine can list flags")
		}
		if p.Description != "" {
			about = append(about, p.Description)
		}
		fmt.Fprintf(out, "%s%s: %s\n", indent, name, strings.Join(about, "; "))
		a.fields(out, inner, indent+"  ", depth-1)
	}
}
