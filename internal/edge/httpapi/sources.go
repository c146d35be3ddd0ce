package httpapi

import (
	"context"
	"maps"
	"slices"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

// SourcePath names one source.
type SourcePath struct {
	CustomerPath
	Source string `path:"source"`
}

type createSourceInput struct {
	CustomerPath
	Creating
	Body SourceSettings
}

type changeSourceInput struct {
	SourcePath
	Body SourceSettings
}

func (s *Server) sourceRoutes() {
	const base = "/api/v1/customers/{customer}/sources"
	may := inCustomer(access.SourceManage)
	add(s, route{gate: may, method: get, path: base, id: "listSources", summary: "Where recordings come from"}, s.listSources)
	add(s, route{gate: may, method: post, path: base, id: "createSource", summary: "Add a source", status: 201, creates: true}, s.createSource)
	add(s, route{gate: may, method: get, path: base + "/{source}", id: "getSource", summary: "One source"}, s.getSource)
	add(s, route{gate: may, method: patch, path: base + "/{source}", id: "changeSource", summary: "Change a source; takes the whole of its settings"}, s.changeSource)
	add(s, route{gate: may, method: del, path: base + "/{source}", id: "removeSource", summary: "Stop capturing from a source; its recordings stay", status: 204}, s.removeSource)
}

func (s *Server) listSources(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Source]], error) {
	list, err := s.deps.Recordings.Sources(ctx, v.place)
	if err != nil {
		return nil, err
	}
	show, err := s.sourceShower(ctx, v)
	var out []Source
	for _, one := range list {
		out = append(out, show(one))
	}
	return listed(out), err
}

// sourceShower reads what a source's state also depends on: whether it is chosen
// how long recordings are kept, what collectors last said, and what went wrong
// where files are fetched from.
func (s *Server) sourceShower(ctx context.Context, v *visit) (func(recording.Source) Source, error) {
	retention, err := s.deps.Recordings.Retention(ctx, v.place)
	if err != nil {
		return nil, err
	}
	devices, err := s.deps.Collect.Devices(ctx, v.place)
	if err != nil {
		return nil, err
	}
	waiting := map[id.Source]int64{}
	for _, d := range devices {
		waiting[d.Source] += int64(d.Waiting)
	}
	faults, err := s.deps.Pickups.Faults(ctx, v.place)
	if err != nil {
		return nil, err
	}
	attention, err := s.deps.Recordings.CountAttention(ctx, v.place)
	return func(one recording.Source) Source {
		out := showSource(one)
		out.FilesWaiting, out.FilesAttention = waiting[one.ID], attention[one.ID].Files
		if text := faults[one.ID]; text != "" && out.State == "active" {
			out.State, out.StateText = "failing", text
		}
		if !retention.Chosen && out.State == "active" {
			out.State, out.StateText = "waiting-for-retention", "choose how long recordings are kept; nothing is captured before"
		}
		return out
	}, err
}

func showSource(one recording.Source) Source {
	out := Source{
		ID: one.ID.String(), Name: one.Name, Kind: string(one.Kind), Profile: one.Profile, Folder: one.Folder, Logs: one.Logs,
		TimeZone: one.TimeZone, Language: one.Language, Country: one.Country, Pattern: one.Pattern, After: string(one.After),
		State: one.State, StateText: one.Note, LastCapturedAt: one.LastCapturedAt, QueueLanguages: []QueueSetting{},
	}
	for _, queue := range slices.Sorted(maps.Keys(one.QueueLanguages)) {
		out.QueueLanguages = append(out.QueueLanguages, QueueSetting{Queue: queue, Language: one.QueueLanguages[queue]})
	}
	if one.Raw != (recording.Raw{}) {
		out.Raw = &RawFormat{Codec: one.Raw.Codec, Rate: one.Raw.Rate, Channels: one.Raw.Channels}
	}
	return out
}

// settings checks what only the edge can: a folder on this server must be one
// that the operator gave to this customer. Otherwise a customer's administrator
// could have another customer's folder captured into their own archive. was is the kind of a source that there is already. All faults are given at once.
func (s *Server) settings(v *visit, in SourceSettings, was recording.SourceKind) (recording.Source, error) {
	out := recording.Source{
		Name: in.Name, Kind: recording.SourceKind(in.Kind), Profile: in.Profile, Folder: in.Folder, Logs: in.Logs, TimeZone: in.TimeZone,
		Language: in.Language, Country: in.Country, Pattern: in.Pattern, After: recording.After(in.After), State: "active",
	}
	if in.Raw != nil {
		out.Raw = recording.Raw{Codec: in.Raw.Codec, Rate: in.Raw.Rate, Channels: in.Raw.Channels}
	}
	for _, q := range in.QueueLanguages {
		if out.QueueLanguages == nil {
			out.QueueLanguages = map[string]string{}
		}
		out.QueueLanguages[q.Queue] = q.Language
	}
	if in.Paused {
		out.State = "paused"
	}
	bad := &fault.Error{Kind: fault.Invalid, Text: "the source is not valid"}
	for _, f := range []struct{ field, path string }{{"folder", in.Folder}, {"logs", in.Logs}} {
		if f.path == "" || out.Kind != recording.Folder {
			continue
		}
		if s.deps.FolderAllowed == nil || !s.deps.FolderAllowed(v.place.Customer(), f.path) {
			bad.Details = append(bad.Details, fault.Detail{Path: f.field, Text: "this is not a folder that the operator of this server has given you; ask them, or use a collector"})
		}
	}
	if was != "" && out.Kind != was {
		bad.Details = append(bad.Details, fault.Detail{Path: "kind", Text: "a source stays what it is; add another one"})
	}
	// A pattern that cannot be read would have the source fail later, where nobody looks; a source that does can be paused.
	if _, err := capture.New(capture.Options{Profile: in.Profile, Folder: "/", Pattern: in.Pattern, Country: in.Country}); err != nil && !in.Paused {
		bad.Details = append(bad.Details, fault.Of(err).Details...)
	}
	if len(bad.Details) > 0 {
		return out, fault.Together(bad, out.Check())
	}
	return out, nil // whoever stores it checks the rest
}

func (s *Server) createSource(ctx context.Context, v *visit, in *createSourceInput) (*body[Source], error) {
	src, err := s.settings(v, in.Body, "")
	if err != nil {
		return nil, err
	}
	if src, err = s.deps.Recordings.AddSource(ctx, v.place, v.who, src); err != nil {
		return nil, err
	}
	return s.shown(ctx, v, src.ID)
}

// shown answers with a source that was changed, and lets its watcher know.
func (s *Server) shown(ctx context.Context, v *visit, i id.Source) (*body[Source], error) {
	if s.deps.SourceChanged != nil {
		s.deps.SourceChanged(v.place.Customer())
	}
	return s.oneSource(ctx, v, i)
}

func (s *Server) oneSource(ctx context.Context, v *visit, i id.Source) (*body[Source], error) {
	src, err := s.deps.Recordings.Source(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	show, err := s.sourceShower(ctx, v)
	if err != nil {
		return nil, err
	}
	return answer(show(src)), nil
}

func (s *Server) getSource(ctx context.Context, v *visit, in *SourcePath) (*body[Source], error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	return s.oneSource(ctx, v, i)
}

func (s *Server) changeSource(ctx context.Context, v *visit, in *changeSourceInput) (*body[Source], error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	before, err := s.deps.Recordings.Source(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	src, err := s.settings(v, in.Body, before.Kind)
	if err != nil {
		return nil, err
	}
	src.ID = i
	if _, err := s.deps.Recordings.ChangeSource(ctx, v.place, v.who, src); err != nil {
		return nil, err
	}
	return s.shown(ctx, v, i)
}

func (s *Server) removeSource(ctx context.Context, v *visit, in *SourcePath) (*none, error) {
	i, err := id.Parse[id.Source](in.Source)
	if err != nil {
		return nil, errNothing
	}
	if err := s.deps.Recordings.RemoveSource(ctx, v.place, v.who, i); err != nil {
		return nil, err
	}
	if s.deps.SourceChanged != nil {
		s.deps.SourceChanged(v.place.Customer())
	}
	return nil, nil
}
