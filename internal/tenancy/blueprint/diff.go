package blueprint

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Line is one difference between what is and what a file says.
type Line struct {
	Path   string // such as "retention.days" or "sources[Front desk].folder"
	Before string // "": there was nothing
	After  string
	Kept   bool // the customer decides on this by now: it stays as it is
}

// flat is a part of a file as paths and values; what the file leaves out is not
// in it. Lists of things are keyed by their name, not by their position.
func flat(v any) map[string]string {
	out := map[string]string{}
	flatten(out, reflect.ValueOf(v), "")
	return out
}

func flatten(out map[string]string, v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
		if v.Kind() != reflect.Struct { // a number that was given, be it 0
			out[path] = fmt.Sprint(v.Interface())
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("yaml")
			flatten(out, v.Field(i), strings.TrimPrefix(path+"."+name, "."))
		}
	case reflect.Slice:
		if texts, ok := v.Interface().([]string); ok {
			out[path] = strings.Join(texts, ", ")
			return
		}
		for i := range v.Len() {
			flatten(out, v.Index(i), fmt.Sprintf("%s[%s]", path, v.Index(i).Field(0).String()))
		}
	case reflect.Int:
		out[path] = fmt.Sprint(v.Int())
	default:
		if !v.IsZero() {
			out[path] = fmt.Sprint(v.Interface())
		}
	}
}

// compare lists what the file says otherwise than it is, by path.
func compare(is, says map[string]string) (lines []Line) {
	for path, after := range says {
		if before := is[path]; before != after {
			lines = append(lines, Line{Path: path, Before: before, After: after})
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return strings.Compare(a.Path, b.Path) })
	return lines
}

// brief is how a picture is shown in a difference.
func brief(hash string) string {
	if hash == "" {
		return ""
	}
	return "picture " + hash[:min(8, len(hash))]
}
