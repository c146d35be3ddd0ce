package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// ImportPath names one import.
type ImportPath struct {
	CustomerPath
	Import string `path:"import"`
}

// ImportDraft is what an import is to take in.
type ImportDraft struct {
	Name       string            `json:"name" minLength:"1" maxLength:"100"`
	Folder     string            `json:"folder,omitempty" maxLength:"1000" doc:"Of this server, among those that its operator has given this customer"`
	Drop       string            `json:"drop,omitempty" maxLength:"40" doc:"Instead of a folder: id of a source that files were pushed to"`
	Logs       string            `json:"logs,omitempty" maxLength:"1000" doc:"Folder of the logs; empty: none, or beside the recordings"`
	Profile    string            `json:"profile" enum:"asterisk,3cx,freeswitch,yeastar,generic"`
	Pattern    string            `json:"pattern,omitempty" maxLength:"500" doc:"Of file names, for the generic profile"`
	Columns    map[string]string `json:"columns,omitempty" doc:"Of lists (CSV) beside the recordings: what a column is called there → what it means here"`
	TimeZone   string            `json:"time_zone" minLength:"1" maxLength:"64"`
	Language   string            `json:"language,omitempty" maxLength:"35" doc:"Of what is spoken, where it is to be transcribed"`
	Country    string            `json:"country,omitempty" maxLength:"2"`
	Raw        *RawFormat        `json:"raw,omitempty"`
	Transcribe bool              `json:"transcribe,omitempty" doc:"Nothing is transcribed that is not asked for"`
	PerMinute  int               `json:"per_minute,omitempty" minimum:"0" maximum:"1000000" doc:"At most so many files a minute; 0: as fast as it goes"`
}

// ImportCounts are files by what became, or would become, of them. They add up to the files of the import.
type ImportCounts struct {
	New        int64 `json:"new" doc:"Only in a preview: would be archived"`
	Archived   int64 `json:"archived"`
	Duplicate  int64 `json:"duplicate" doc:"Archived already, twice in the import, or destroyed in the archive"`
	Expired    int64 `json:"expired" doc:"Older than recordings are kept"`
	Unreadable int64 `json:"unreadable"`
	Vanished   int64 `json:"vanished" doc:"There when the files were listed"`
	Changed    int64 `json:"changed" doc:"Not what was listed"`
}

// Import is one import with its figures.
type Import struct {
	ID          string       `json:"id"`
	SourceID    string       `json:"source_id" doc:"Under which its recordings are kept"`
	Settings    ImportDraft  `json:"settings"`
	State       string       `json:"state" enum:"looking,ready,running,paused,stopped,done,cancelled"`
	StateText   string       `json:"state_text" doc:"Why it is stopped"`
	CreatedAt   time.Time    `json:"created_at"`
	StartedAt   *time.Time   `json:"started_at"`
	EndedAt     *time.Time   `json:"ended_at"`
	Listed      bool         `json:"listed" doc:"All files are known"`
	Files       int64        `json:"files"`
	Bytes       int64        `json:"bytes"`
	Others      int64        `json:"others" doc:"Files that are no sound by their names; they are left alone"`
	Looked      int64        `json:"looked" doc:"Files whose preview is known"`
	Done        int64        `json:"done" doc:"Files that have an outcome"`
	Calls       int64        `json:"calls" doc:"That the new files belong to"`
	NewBytes    int64        `json:"new_bytes"`
	NewSeconds  float64      `json:"new_seconds" doc:"Length of the sound of new files"`
	SpeechHours *float64     `json:"speech_hours" doc:"What transcribing the new files would take, by how fast the engine was; null: nothing was transcribed yet"`
	Preview     ImportCounts `json:"preview"`
	Outcomes    ImportCounts `json:"outcomes"`
	Yielding    bool         `json:"yielding" doc:"It waits for live capture"`
}

// ImportFile is one file of an import.
type ImportFile struct {
	N          int64     `json:"n" doc:"Cursor"`
	File       string    `json:"file"`
	Size       int64     `json:"size"`
	ModifiedAt time.Time `json:"modified_at"`
	Preview    string    `json:"preview" enum:",new,duplicate,expired,unreadable,vanished,changed"`
	Outcome    string    `json:"outcome" enum:",archived,duplicate,expired,unreadable,vanished,changed"`
	Reason     string    `json:"reason"`
}

// ImportReport is the statement of an ended import.
type ImportReport struct {
	Text      string `json:"text" doc:"The totals, and the SHA-256 of the list of files"`
	Signature string `json:"signature" doc:"PKCS #7 over the text, in DER and base64; empty: not signed"`
}

type createImportInput struct {
	CustomerPath
	Creating
	Body ImportDraft
}

type importFilesInput struct {
	ImportPath
	What  string `query:"what" enum:",new,archived,duplicate,expired,unreadable,vanished,changed" doc:"Only these; empty: all"`
	After int64  `query:"after" minimum:"0" doc:"Cursor of the last one seen"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) importRoutes() {
	const base = "/api/v1/customers/{customer}/imports"
	may := inCustomer(access.ImportRun)
	add(s, route{gate: may, method: get, path: base, id: "listImports", summary: "Imports of old recordings"}, s.listImports)
	add(s, route{gate: may, method: post, path: base, id: "createImport", summary: "Prepare an import: its files are looked at, nothing is taken in", status: 201, creates: true}, s.createImport)
	add(s, route{gate: may, method: get, path: base + "/{import}", id: "getImport", summary: "One import"}, s.getImport)
	add(s, route{gate: may, fresh: true, method: post, path: base + "/{import}/start", id: "startImport", summary: "Take in what the preview has shown"}, s.importAct(func() importAct { return s.deps.Imports.Start }))
	add(s, route{gate: may, method: post, path: base + "/{import}/pause", id: "pauseImport", summary: "Have an import wait"}, s.importAct(func() importAct { return s.deps.Imports.Pause }))
	add(s, route{gate: may, method: post, path: base + "/{import}/resume", id: "resumeImport", summary: "Let an import go on"}, s.importAct(func() importAct { return s.deps.Imports.Resume }))
	add(s, route{gate: may, method: post, path: base + "/{import}/cancel", id: "cancelImport", summary: "End an import; what it took in stays"}, s.importAct(func() importAct { return s.deps.Imports.Cancel }))
	add(s, route{gate: may, method: del, path: base + "/{import}", id: "removeImport", summary: "Forget the list of an ended import; its recordings stay", status: 204}, s.removeImport)
	add(s, route{gate: may, method: get, path: base + "/{import}/files", id: "listImportFiles", summary: "Files of an import, and what becomes of each"}, s.importFiles)
	add(s, route{gate: may, method: get, path: base + "/{import}/list", id: "downloadImportList", summary: "All files of an import as CSV", gives: "text/csv"}, s.importList)
	add(s, route{gate: may, method: get, path: base + "/{import}/report", id: "getImportReport", summary: "The signed totals of an ended import"}, s.importReport)
}

type importAct func(context.Context, *place.Place, actor.Actor, id.Import) (bulk.Import, error)

// importAct changes the state of an import. The service is asked for late: the description is made without one.
func (s *Server) importAct(act func() importAct) func(context.Context, *visit, *ImportPath) (*body[Import], error) {
	return func(ctx context.Context, v *visit, in *ImportPath) (*body[Import], error) {
		i, err := id.Parse[id.Import](in.Import)
		if err != nil {
			return nil, errNothing
		}
		out, err := act()(ctx, v.place, v.who, i)
		if err != nil {
			return nil, err
		}
		return answer(showImport(out)), nil
	}
}

func (s *Server) listImports(ctx context.Context, v *visit, _ *CustomerPath) (*body[items[Import]], error) {
	list, err := s.deps.Imports.List(ctx, v.place)
	var out []Import
	for _, one := range list {
		out = append(out, showImport(one))
	}
	return listed(out), err
}

func (s *Server) getImport(ctx context.Context, v *visit, in *ImportPath) (*body[Import], error) {
	i, err := id.Parse[id.Import](in.Import)
	if err != nil {
		return nil, errNothing
	}
	out, err := s.deps.Imports.Get(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	return answer(showImport(out)), nil
}

// createImport checks what only the edge can: a folder must be one that the operator gave to this customer, or another customer's
// recordings could be imported. What the service would refuse is told in the same answer.
func (s *Server) createImport(ctx context.Context, v *visit, in *createImportInput) (*body[Import], error) {
	b := in.Body
	bad := &fault.Error{Kind: fault.Invalid, Text: "the import is not valid"}
	for _, f := range []struct{ field, path string }{{"folder", b.Folder}, {"logs", b.Logs}} {
		if f.path != "" && (s.deps.FolderAllowed == nil || !s.deps.FolderAllowed(v.place.Customer(), f.path)) {
			bad.Details = append(bad.Details, fault.Detail{Path: f.field, Text: "this is not a folder that the operator of this server has given you; ask them, or push the files to a source"})
		}
	}
	if b.Drop != "" {
		src, err := id.Parse[id.Source](b.Drop)
		if err == nil {
			_, err = s.deps.Recordings.Source(ctx, v.place, src)
		}
		if err != nil {
			bad.Details = append(bad.Details, fault.Detail{Path: "drop", Text: "there is no such source"})
		}
	}
	d := bulk.Draft{
		Name: b.Name, Folder: b.Folder, Drop: b.Drop, Logs: b.Logs, Profile: b.Profile, Pattern: b.Pattern, Columns: b.Columns, TimeZone: b.TimeZone,
		Language: b.Language, Country: b.Country, Transcribe: b.Transcribe, PerMinute: b.PerMinute,
	}
	if b.Raw != nil {
		d.Raw = recording.Raw{Codec: b.Raw.Codec, Rate: b.Raw.Rate, Channels: b.Raw.Channels}
	}
	if len(bad.Details) > 0 {
		return nil, fault.Together(bad, d.Check())
	}
	out, err := s.deps.Imports.Create(ctx, v.place, v.who, d)
	if err != nil {
		return nil, err
	}
	return answer(showImport(out)), nil
}

func (s *Server) removeImport(ctx context.Context, v *visit, in *ImportPath) (*none, error) {
	i, err := id.Parse[id.Import](in.Import)
	if err != nil {
		return nil, errNothing
	}
	return nil, s.deps.Imports.Remove(ctx, v.place, v.who, i)
}

func (s *Server) importFiles(ctx context.Context, v *visit, in *importFilesInput) (*body[items[ImportFile]], error) {
	i, err := id.Parse[id.Import](in.Import)
	if err != nil {
		return nil, errNothing
	}
	list, err := s.deps.Imports.Files(ctx, v.place, i, bulk.Outcome(in.What), in.After, in.Limit)
	var out []ImportFile
	for _, f := range list {
		out = append(out, ImportFile{N: f.N, File: f.Path, Size: f.Size, ModifiedAt: f.ModTime, Preview: string(f.Verdict), Outcome: string(f.Outcome), Reason: f.Reason})
	}
	return listed(out), err
}

// importList gives the whole list. It is read before the first byte leaves: an error is an answer of its own, not a file cut short.
func (s *Server) importList(ctx context.Context, v *visit, in *ImportPath) (*paperAnswer, error) {
	i, err := id.Parse[id.Import](in.Import)
	if err != nil {
		return nil, errNothing
	}
	if _, err := s.deps.Imports.Get(ctx, v.place, i); err != nil {
		return nil, err
	}
	var list bytes.Buffer
	err = s.deps.Imports.CSV(ctx, v.place, i, &list)
	return &paperAnswer{"text/csv; charset=utf-8", `attachment; filename="import-` + i.String() + `.csv"`, list.Bytes()}, err
}

func (s *Server) importReport(ctx context.Context, v *visit, in *ImportPath) (*body[ImportReport], error) {
	i, err := id.Parse[id.Import](in.Import)
	if err != nil {
		return nil, errNothing
	}
	text, signature, err := s.deps.Imports.Report(ctx, v.place, i)
	if err != nil {
		return nil, err
	}
	return answer(ImportReport{Text: string(text), Signature: base64.StdEncoding.EncodeToString(signature)}), nil
}

func showImport(i bulk.Import) Import {
	d, t := i.Draft, i.Totals
	out := Import{
		ID: i.ID.String(), SourceID: i.Source.String(), State: string(i.State), StateText: i.Note, CreatedAt: i.CreatedAt, StartedAt: i.StartedAt, EndedAt: i.EndedAt,
		Listed: t.Listed, Files: t.Files, Bytes: t.Bytes, Others: t.Others, Looked: t.Looked, Done: t.Done, Calls: t.Calls, NewBytes: t.NewBytes,
		NewSeconds: recording.Seconds(t.NewLength), Preview: showCounts(t.Preview), Outcomes: showCounts(t.Outcomes), Yielding: t.Yielding,
		Settings: ImportDraft{
			Name: d.Name, Folder: d.Folder, Drop: d.Drop, Logs: d.Logs, Profile: d.Profile, Pattern: d.Pattern, Columns: d.Columns, TimeZone: d.TimeZone,
			Language: d.Language, Country: d.Country, Transcribe: d.Transcribe, PerMinute: d.PerMinute,
		},
	}
	if d.Raw != (recording.Raw{}) {
		out.Settings.Raw = &RawFormat{Codec: d.Raw.Codec, Rate: d.Raw.Rate, Channels: d.Raw.Channels}
	}
	if t.Speech > 0 {
		hours := t.Speech.Hours()
		out.SpeechHours = &hours
	}
	return out
}

func showCounts(m map[bulk.Outcome]int64) ImportCounts {
	return ImportCounts{
		New: m[bulk.New], Archived: m[bulk.Archived], Duplicate: m[bulk.Duplicate], Expired: m[bulk.Expired],
		Unreadable: m[bulk.Unreadable], Vanished: m[bulk.Vanished], Changed: m[bulk.Changed],
	}
}
