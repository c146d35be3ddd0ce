package httpapi

import (
	"context"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// Tag is a label of the customer's own.
type Tag struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Count int    `json:"count" doc:"Recordings that carry it"`
}

type (
	TagPath struct {
		CustomerPath
		Tag string `path:"tag"`
	}
	removeTagInput struct {
		TagPath
		Confirm int64 `query:"confirm" minimum:"0" doc:"How many recordings carry it, exactly; where any does"`
	}
	newTag struct {
		CustomerPath
		Body struct {
			Name string `json:"name" maxLength:"60"`
		}
	}
	RecordingTagPath struct {
		RecordingPath
		Tag string `path:"tag"`
	}
)

func (s *Server) tagRoutes() {
	const base = "/api/v1/customers/{customer}"
	label, list := inCustomer(access.RecordingTag), inCustomer(access.RecordingList)
	add(s, route{gate: list, method: get, path: base + "/tags", id: "listTags", summary: "Labels for recordings"}, s.listTags)
	add(s, route{gate: inCustomer(access.RetentionSet), method: post, path: base + "/tags", id: "makeTag", summary: "Make a label", status: 201}, s.makeTag)
	add(s, route{gate: inCustomer(access.RetentionSet), method: del, path: base + "/tags/{tag}", id: "removeTag", summary: "Remove a label from all recordings; not while a rule names it", status: 204}, s.removeTag)
	add(s, route{gate: label, method: put, path: base + "/recordings/{recording}/tags/{tag}", id: "tagRecording", summary: "Put a label on a recording", status: 204}, func(ctx context.Context, v *visit, in *RecordingTagPath) (*none, error) {
		return s.label(ctx, v, in, s.deps.Recordings.Tag)
	})
	add(s, route{gate: label, method: del, path: base + "/recordings/{recording}/tags/{tag}", id: "untagRecording", summary: "Take a label off a recording", status: 204}, func(ctx context.Context, v *visit, in *RecordingTagPath) (*none, error) {
		return s.label(ctx, v, in, s.deps.Recordings.Untag)
	})
}

func (s *Server) listTags(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Tag]], error) {
	all, err := s.deps.Recordings.Tags(ctx, v.place)
	var out []Tag
	for _, t := range all {
		out = append(out, Tag{t.ID.String(), t.Name, t.Count})
	}
	return listed(out), err
}

func (s *Server) makeTag(ctx context.Context, v *visit, in *newTag) (*body[Tag], error) {
	t, err := s.deps.Recordings.MakeTag(ctx, v.place, v.who, in.Body.Name)
	return answer(Tag{ID: t.ID.String(), Name: t.Name}), err
}

func (s *Server) removeTag(ctx context.Context, v *visit, in *removeTagInput) (*none, error) {
	t, err := id.Parse[id.Tag](in.Tag)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Recordings.RemoveTag(ctx, v.place, v.who, t, in.Confirm)
}

// errRules keeps who may label, and not set rules, from deciding by a label when
// recordings are destroyed.
var errRules = fault.New(fault.Denied, "rules on how long recordings are kept name this label: it takes the right to set them")

func (s *Server) label(ctx context.Context, v *visit, in *RecordingTagPath, do func(*place.Tx, id.Recording, id.Tag) error) (*none, error) {
	rec, err := id.Parse[id.Recording](in.Recording)
	if err != nil {
		return nil, errNothing
	}
	t, err := id.Parse[id.Tag](in.Tag)
	if err != nil {
		return nil, errNothing
	}
	if err := s.deps.Recordings.May(ctx, v.place, rec, v.scope(access.RecordingTag)); err != nil {
		return nil, err
	}
	if !v.may(access.RetentionSet) {
		named, err := s.deps.Privacy.Names(ctx, v.place, t)
		if err != nil {
			return nil, err
		}
		if named {
			return nil, errRules
		}
	}
	return nil, v.place.Change(ctx, v.who, func(tx *place.Tx) error { return do(tx, rec, t) })
}
