package scim

import (
	"net/http"
	"slices"
	"strings"
)

// What an identity provider reads before it pushes anything, RFC 7643 §5–7.

// ServiceProviderConfig is GET /ServiceProviderConfig.
func ServiceProviderConfig(base string) (Answer, error) {
	no := object{"supported": false}
	return answer(http.StatusOK, object{
		"schemas":          []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":            object{"supported": true},
		"bulk":             object{"supported": true, "maxOperations": mostBulk, "maxPayloadSize": MostBytes},
		"filter":           object{"supported": true, "maxResults": mostPage},
		"changePassword":   no,
		"sort":             no,
		"etag":             no,
		"documentationUri": "",
		"authenticationSchemes": []object{{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "A token that an administrator made in Ringfence for this purpose", "primary": true,
		}},
		"meta": object{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	})
}

// MostBytes bounds the body of a request.
const MostBytes = 1 << 20

// ResourceTypes is GET /ResourceTypes; with a name, one of them.
func ResourceTypes(base, name string) (Answer, error) {
	kind := func(name, urn string) object {
		return object{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name, "endpoint": "/" + name + "s", "schema": urn,
			"meta": object{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + name},
		}
	}
	return oneOrAll(name, []object{kind("User", urnUser), kind("Group", urnGroup)})
}

// Schemas is GET /Schemas; with a URN, one of them.
func Schemas(base, urn string) (Answer, error) {
	kind := func(name string, k *schema) object {
		return object{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": k.urn, "name": name, "description": name, "attributes": k.describe(),
			"meta": object{"resourceType": "Schema", "location": base + "/Schemas/" + k.urn},
		}
	}
	return oneOrAll(urn, []object{kind("User", users), kind("Group", groups)})
}

func oneOrAll(wanted string, all []object) (Answer, error) {
	var list []any
	for _, o := range all {
		if id, _ := o["id"].(string); wanted != "" && strings.EqualFold(id, wanted) {
			return answer(http.StatusOK, o)
		}
		list = append(list, o)
	}
	if wanted != "" {
		return Answer{}, refuse(404, "", "there is no such resource")
	}
	return listAnswer(len(list), 0, list)
}

// describe renders the attributes that are kept.
func (k *schema) describe() []object {
	names := make([]string, 0, len(k.attrs))
	for n := range k.attrs {
		if n != "id" && n != "meta" && n != "schemas" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []object
	for _, n := range names {
		a := k.attrs[n]
		o := object{
			"name": a.name, "type": "string", "multiValued": a.many, "description": a.name, "required": a.name == "userName" || k == groups && a.name == "displayName",
			"caseExact": a.exact, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
		}
		if a.fixed {
			o["mutability"] = "readOnly"
		}
		if a.name == "userName" {
			o["uniqueness"] = "server"
		}
		if a.flag {
			o["type"] = "boolean"
		}
		if a.subs != nil {
			o["type"] = "complex"
			o["subAttributes"] = a.subs.describe()
		}
		out = append(out, o)
	}
	return out
}
