package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// Bulk, RFC 7644 §3.7: here it is all or nothing. Every operation is tried, so
// that the answer names every fault, and if there is one, nothing has happened.

const mostBulk = 1000

type bulkOperation struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	BulkID string          `json:"bulkId"`
	Data   json.RawMessage `json:"data"`
}

var errBulk = errors.New("a part of the batch was refused")

// Bulk is POST /Bulk. The answer's status is 200 where all was done and 400
// where nothing was; either way it tells of each operation.
func (s *Service) Bulk(ctx context.Context, r Request) (Answer, error) {
	var in struct {
		Operations []bulkOperation `json:"Operations"`
	}
	if err := decode(r.Body, &in); err != nil {
		return Answer{}, err
	}
	if n := len(in.Operations); n == 0 || n > mostBulk {
		return Answer{}, refuse(413, "tooMany", "a batch has 1 to %d operations", mostBulk)
	}
	var results []any
	err := s.do(ctx, r.Place, r.Who, r.Base, func(t *turn) error {
		results = nil
		made, failed := map[string]string{}, false
		for _, op := range in.Operations {
			result, err := t.bulkOne(op, made)
			if err != nil {
				if ErrorOf(err).Status >= 500 {
					return err
				}
				failed = true
				e := ErrorOf(err)
				result = object{"status": strconv.Itoa(e.Status), "response": e.body()}
			}
			result["method"] = strings.ToUpper(op.Method)
			if op.BulkID != "" {
				result["bulkId"] = op.BulkID
			}
			results = append(results, result)
		}
		if failed {
			return errBulk
		}
		return nil
	})
	status := http.StatusOK
	if errors.Is(err, errBulk) {
		status = http.StatusBadRequest
		undone(results)
	} else if err != nil {
		return Answer{}, err
	}
	return answer(status, object{"schemas": []string{urnBulkAnswer}, "Operations": results})
}

// undone says of what would have succeeded that it was not done either.
func undone(results []any) {
	for _, r := range results {
		o, _ := r.(object)
		if _, refused := o["response"]; !refused {
			delete(o, "location")
			o["status"] = "412"
			o["response"] = (&Error{412, "", "not done, because another part of this batch was refused"}).body()
		}
	}
}

// bulkOne runs one operation; made holds the ids of what earlier ones made.
func (t *turn) bulkOne(op bulkOperation, made map[string]string) (object, error) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(op.Path, "/"), "/")
	if id, ok := made[strings.TrimPrefix(name, "bulkId:")]; ok {
		name = id
	}
	data := []byte(op.Data)
	for key, id := range made {
		data = bytes.ReplaceAll(data, []byte(`"bulkId:`+key+`"`), []byte(`"`+id+`"`))
	}
	isUser := strings.EqualFold(kind, "Users")
	if !isUser && !strings.EqualFold(kind, "Groups") {
		return nil, refuse(400, "invalidPath", "path begins with /Users or /Groups")
	}
	id, status, err := t.bulkAct(strings.ToUpper(op.Method), isUser, name, data)
	if err != nil {
		return nil, err
	}
	result := object{"status": strconv.Itoa(status)}
	if id != "" {
		if op.BulkID != "" {
			made[op.BulkID] = id
		}
		where := "/Groups/"
		if isUser {
			where = "/Users/"
		}
		result["location"] = t.base + where + id
	}
	return result, nil
}

func (t *turn) bulkAct(method string, isUser bool, name string, data []byte) (id string, status int, err error) {
	if method == http.MethodDelete {
		if isUser {
			return "", http.StatusNoContent, t.removeUser(name)
		}
		return "", http.StatusNoContent, t.removeGroup(name)
	}
	if method == http.MethodPatch {
		ops, err := parsePatch(data)
		if err != nil {
			return "", 0, err
		}
		return t.made(isUser, http.StatusOK, func() (*user, error) { return t.patchUser(name, ops) }, func() (*group, error) { return t.patchGroup(name, ops) })
	}
	sent, err := resource(data)
	switch {
	case err != nil:
		return "", 0, err
	case method == http.MethodPost && name == "":
		return t.made(isUser, http.StatusCreated, func() (*user, error) { return t.addUser(sent) }, func() (*group, error) { return t.addGroup(sent) })
	case method == http.MethodPut:
		return t.made(isUser, http.StatusOK, func() (*user, error) { return t.replaceUser(name, sent) }, func() (*group, error) { return t.replaceGroup(name, sent) })
	}
	return "", 0, refuse(400, "invalidSyntax", "method is POST (without an id), PUT, PATCH or DELETE")
}

func (t *turn) made(isUser bool, status int, ofUser func() (*user, error), ofGroup func() (*group, error)) (string, int, error) {
	if isUser {
		u, err := ofUser()
		if err != nil {
			return "", 0, err
		}
		return u.id.String(), status, nil
	}
	g, err := ofGroup()
	if err != nil {
		return "", 0, err
	}
	return g.id.String(), status, nil
}
