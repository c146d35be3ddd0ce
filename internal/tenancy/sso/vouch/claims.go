package vouch

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is kept of a provider's answer.
const (
	mostClaims = 200
	mostValues = 500
	longest    = 1000
	deepest    = 4
)

// Flatten makes of a JSON object a list of texts for each name. What lies in an
// object goes by a dotted name, as "realm_access.roles".
func Flatten(object map[string]any) map[string][]string {
	out := map[string][]string{}
	flatten(out, "", object, 0)
	return out
}

func flatten(out map[string][]string, name string, v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		if depth >= deepest {
			return
		}
		for key, inner := range v {
			if name != "" {
				key = name + "." + key
			}
			flatten(out, key, inner, depth+1)
		}
	case []any:
		for _, inner := range v {
			if _, nested := inner.([]any); !nested {
				flatten(out, name, inner, depth+1)
			}
		}
	default:
		if text, ok := scalar(v); ok {
			Add(out, name, text)
		}
	}
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// Add keeps one value under a name, within the bounds.
func Add(to map[string][]string, name, value string) {
	if _, there := to[name]; name == "" || len(name) > longest || len(value) > longest || !there && len(to) >= mostClaims || len(to[name]) >= mostValues {
		return
	}
	if value = strings.ToValidUTF8(value, "\uFFFD"); !slices.Contains(to[name], value) {
		to[name] = append(to[name], value)
	}
}

// First is the first value of the first of these names that has one.
func First(claims map[string][]string, names ...string) string {
	for _, n := range names {
		for _, v := range claims[n] {
			if v = strings.TrimSpace(v); v != "" {
				return v
			}
		}
	}
	return ""
}
