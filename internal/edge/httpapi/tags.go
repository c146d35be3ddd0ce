package httpapi

import (
	"context"
	"fmt"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/privacy"
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
		Tag     string `path:"tag"`
		Confirm int64  `query:"confirm" minimum:"0" doc:"1 where the recording would go tonight by it"`
	}
	// LabelChange is which recordings a label is put on, or taken off.
	LabelChange struct {
		Recordings []string `json:"recordings" minItems:"1" maxItems:"200"`
		Off        bool     `json:"off,omitempty" doc:"It is taken off, not put on"`
	}
	labelInput struct {
		TagPath
		Body struct {
			LabelChange
			Confirm *int64 `json:"confirm,omitempty" doc:"How many of them would go tonight by it, exactly: see labelPreview"`
		}
	}
	labelPreviewInput struct {
		TagPath
		Body LabelChange
	}
	// LabelEffect is what a change of labels would end.
	LabelEffect struct {
		Tonight int64 `json:"tonight" doc:"Recordings that would go tonight by it, wholly or their sound, and would not without it"`
	}
)

func (s *Server) tagRoutes() {
	const base = "/api/v1/customers/{customer}"
	label, list := inCustomer(access.RecordingTag), inCustomer(access.RecordingList)
	add(s, route{gate: list, method: get, path: base + "/tags", id: "listTags", summary: "Labels for recordings"}, s.listTags)
	add(s, route{gate: inCustomer(access.RetentionSet), method: post, path: base + "/tags", id: "makeTag", summary: "Make a label", status: 201}, s.makeTag)
	add(s, route{gate: inCustomer(access.RetentionSet), method: del, path: base + "/tags/{tag}", id: "removeTag", summary: "Remove a label from all recordings; not while a rule names it", status: 204}, s.removeTag)
	add(s, route{gate: label, method: post, path: base + "/tags/{tag}/recordings", id: "labelRecordings", summary: "Put a label on recordings or take it off, all or none", status: 204}, s.labelRecordings)
	add(s, route{gate: label, method: post, path: base + "/tags/{tag}/recordings-preview", id: "labelPreview", summary: "How many recordings would go tonight by it"}, s.labelPreview)
	add(s, route{gate: label, method: put, path: base + "/recordings/{recording}/tags/{tag}", id: "tagRecording", summary: "Put a label on a recording", status: 204}, func(ctx context.Context, v *visit, in *RecordingTagPath) (*none, error) {
		return s.labelOne(ctx, v, in, false)
	})
	add(s, route{gate: label, method: del, path: base + "/recordings/{recording}/tags/{tag}", id: "untagRecording", summary: "Take a label off a recording", status: 204}, func(ctx context.Context, v *visit, in *RecordingTagPath) (*none, error) {
		return s.labelOne(ctx, v, in, true)
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

// labelling reads a change of labels, and refuses what the visitor may not label.
func (s *Server) labelling(ctx context.Context, v *visit, tag string, in LabelChange) (l privacy.Labelling, err error) {
	if l.Tag, err = id.Parse[id.Tag](tag); err != nil {
		return l, errNothing
	}
	if err := s.deps.Recordings.KnownTag(ctx, v.place, l.Tag); err != nil {
		return l, err
	}
	l.Off = in.Off
	for i, text := range in.Recordings {
		rec, err := id.Parse[id.Recording](text)
		if err != nil {
			return l, fault.Field(fmt.Sprintf("recordings[%d]", i), "there is no such recording")
		}
		if err := s.deps.Recordings.May(ctx, v.place, rec, v.scope(access.RecordingTag)); err != nil {
			return l, err
		}
		l.Recordings = append(l.Recordings, rec)
	}
	if v.may(access.RetentionSet) {
		return l, nil
	}
	named, err := s.deps.Privacy.Names(ctx, v.place, l.Tag)
	if err == nil && named {
		err = errRules
	}
	return l, err
}

func (s *Server) labelRecordings(ctx context.Context, v *visit, in *labelInput) (*none, error) {
	l, err := s.labelling(ctx, v, in.Tag, in.Body.LabelChange)
	if err != nil {
		return nil, err
	}
	l.Confirm = in.Body.Confirm
	return nil, s.deps.Privacy.Label(ctx, v.place, v.who, l)
}

func (s *Server) labelPreview(ctx context.Context, v *visit, in *labelPreviewInput) (*body[LabelEffect], error) {
	l, err := s.labelling(ctx, v, in.Tag, in.Body)
	if err != nil {
		return nil, err
	}
	n, err := s.deps.Privacy.LabelPreview(ctx, v.place, l)
	return answer(LabelEffect{n}), err
}

func (s *Server) labelOne(ctx context.Context, v *visit, in *RecordingTagPath, off bool) (*none, error) {
	if _, err := id.Parse[id.Recording](in.Recording); err != nil {
		return nil, errNothing
	}
	l, err := s.labelling(ctx, v, in.Tag, LabelChange{Recordings: []string{in.Recording}, Off: off})
	if err != nil {
		return nil, err
	}
	l.Confirm = &in.Confirm
	err = s.deps.Privacy.Label(ctx, v.place, v.who, l)
	if f := fault.Of(err); err != nil && len(f.Details) == 1 && f.Details[0].Path == "confirm" {
		err = fault.Field("query.confirm", "%s", f.Details[0].Text)
	}
	return nil, err
}
