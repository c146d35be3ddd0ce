package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/receipt"
)

// OpeningReceipt is one opening of something sealed.
type OpeningReceipt struct {
	ID         string    `json:"id" doc:"Of the receipt; empty where its event does not name one"`
	Position   int64     `json:"position" doc:"Of its event in the change log"`
	At         time.Time `json:"at"`
	Until      time.Time `json:"until" doc:"When the opening ended at the latest"`
	What       string    `json:"what" doc:"listen, transcript, download, export, transcribe, card, capture-check, …"`
	Subject    string    `json:"subject" doc:"Id of a recording or a call, or the sort of list whose cards were opened"`
	Keys       int       `json:"keys" doc:"How many recordings or cards it could reach"`
	Who        Opener    `json:"who"`
	SupportID  *string   `json:"support_id" doc:"The support access it was done by"`
	SessionID  *string   `json:"session_id"`
	From       string    `json:"from" doc:"Network address; empty where it was done from within"`
	Purpose    string    `json:"purpose"`
	Unreadable bool      `json:"unreadable" doc:"Where it was done from does not open"`
}

// Opener is who opened something.
type Opener struct {
	Kind string `json:"kind" enum:"person,token,device,system"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// OpeningReceiptPage is some receipts, and where the list goes on.
type OpeningReceiptPage struct {
	Items      []OpeningReceipt `json:"items"`
	NextCursor string           `json:"next_cursor"`
}

// PurposeSettings say who has to state a purpose before a recording is opened.
type PurposeSettings struct {
	Roles    []string `json:"roles" maxItems:"10" doc:"Whoever holds one of these roles here has to"`
	Support  bool     `json:"support" doc:"Whoever is here by support access has to"`
	Ready    []string `json:"ready" maxItems:"60" doc:"Purposes to choose from"`
	Free     bool     `json:"free" doc:"Other words are taken too"`
	Remember bool     `json:"remember" doc:"The portal may keep a purpose for the rest of the session"`
}

// Purposes is what the asker has to say before opening.
type Purposes struct {
	Asked    bool     `json:"asked" doc:"The asker has to state a purpose"`
	Ready    []string `json:"ready"`
	Free     bool     `json:"free"`
	Remember bool     `json:"remember"`
}

type (
	ReceiptChoice struct {
		Who      string    `json:"who,omitempty" query:"who" maxLength:"60" doc:"Id of a person, token, collector or support access; system's by its name"`
		Kind     string    `json:"kind,omitempty" query:"kind" enum:"person,token,device,system"`
		Subject  string    `json:"subject,omitempty" query:"subject" maxLength:"60" doc:"Id of a recording or a call"`
		What     string    `json:"what,omitempty" query:"what" maxLength:"30" doc:"One way of opening"`
		Content  bool      `json:"content,omitempty" query:"content" doc:"Only what gives sound or words, or takes them away"`
		Purpose  string    `json:"purpose,omitempty" query:"purpose" maxLength:"300" doc:"Stands in the purpose"`
		Unstated bool      `json:"unstated,omitempty" query:"unstated" doc:"Only those without a purpose"`
		Session  string    `json:"session,omitempty" query:"session" maxLength:"60"`
		From     time.Time `json:"from,omitzero" query:"from" required:"false"`
		To       time.Time `json:"to,omitzero" query:"to" required:"false"`
	}
	receiptsInput struct {
		CustomerPath
		ReceiptChoice
		Cursor string `query:"cursor" maxLength:"30"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	receiptExport struct {
		CustomerPath
		Body struct {
			Format        string `json:"format" enum:"csv,jsonl"`
			Pseudonymised bool   `json:"pseudonymised,omitempty" doc:"Names leave as pseudonyms, the same in every export; network addresses and purposes are left out"`
			ReceiptChoice
		}
	}
	purposeInput struct {
		CustomerPath
		Body PurposeSettings
	}
)

func (s *Server) receiptRoutes() {
	const base = "/api/v1/customers/{customer}/receipts"
	add(s, route{gate: inCustomer(access.ReceiptRead), method: get, path: base, id: "listReceipts", summary: "Every opening of what is sealed, newest first: who, when, why, from where, by which support access"}, s.listReceipts)
	add(s, route{gate: inCustomer(access.JournalExport), fresh: true, method: post, path: base + "/exports", id: "exportReceipts", summary: "Receipts as a file; the export leaves one itself", gives: "application/octet-stream"}, s.exportReceipts)
	add(s, route{gate: inCustomer(access.RecordingList), method: get, path: base + "/purposes", id: "purposes", summary: "Whether the asker has to say why before opening, and what there is to choose from"}, s.purposes)
	add(s, route{gate: inCustomer(access.ReceiptRead), method: get, path: base + "/settings", id: "purposeSettings", summary: "Who has to say why before a recording is opened"}, s.purposeSettings)
	add(s, route{gate: inCustomer(access.PurposeSet), method: put, path: base + "/settings", id: "setPurposeSettings", summary: "Choose who has to say why before a recording is opened"}, s.setPurposeSettings)
}

func (c ReceiptChoice) filter() receipt.Filter {
	return receipt.Filter{
		Who: c.Who, Kind: c.Kind, Subject: c.Subject, What: c.What, Content: c.Content, Purpose: c.Purpose, Unstated: c.Unstated, Session: c.Session, From: c.From, To: c.To,
	}
}

func (s *Server) listReceipts(ctx context.Context, v *visit, in *receiptsInput) (*linked[OpeningReceiptPage], error) {
	if err := inOrder("query.to", in.From, in.To); err != nil {
		return nil, err
	}
	f := in.filter()
	f.Limit = in.Limit + 1
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, fault.Field("query.cursor", "this is no next_cursor of a page of receipts")
		}
		f.Before = before
	}
	var list []receipt.Line
	err := v.place.View(ctx, func(tx *place.Tx) (err error) {
		list, err = receipt.List(tx, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &linked[OpeningReceiptPage]{Body: OpeningReceiptPage{Items: []OpeningReceipt{}}}
	for i, l := range list {
		if i == in.Limit {
			out.Body.NextCursor = strconv.FormatInt(list[i-1].Position, 10)
			out.Link = nextLink(v, out.Body.NextCursor)
			break
		}
		out.Body.Items = append(out.Body.Items, showReceipt(l, names))
	}
	return out, nil
}

func showReceipt(l receipt.Line, names map[string]string) OpeningReceipt {
	out := OpeningReceipt{
		ID: l.Receipt, Position: l.Position, At: l.At, Until: l.Until, What: l.What, Subject: l.Subject, Keys: l.Keys,
		Who: Opener{l.Kind, l.Who, nameOf(names, l.Kind, l.Who)}, From: l.From, Purpose: l.Purpose, Unreadable: l.Unreadable,
	}
	if l.Support != "" {
		out.SupportID = orNull(l.Support)
	}
	if l.Session != "" {
		out.SessionID = orNull(l.Session)
	}
	return out
}

// exportReceipts streams, as the export of the change log does.
func (s *Server) exportReceipts(ctx context.Context, v *visit, in *receiptExport) (*huma.StreamResponse, error) {
	if err := inOrder("to", in.Body.From, in.Body.To); err != nil {
		return nil, err
	}
	names, err := s.names(ctx, v)
	if err != nil {
		return nil, err
	}
	filter := in.Body.filter()
	if filter.Nameless = in.Body.Pseudonymised; filter.Nameless {
		if names, err = s.aliased(ctx, v, names); err != nil {
			return nil, err
		}
	}
	named := func(l receipt.Line) string { return nameOf(names, l.Kind, l.Who) }
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}[in.Body.Format]
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		out := &firstWrite{ResponseWriter: w, before: func() {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Disposition", "attachment; filename=receipts."+in.Body.Format)
		}}
		err := receipt.Export(r.Context(), v.place, v.who, filter, in.Body.Format, named, out)
		switch {
		case err == nil && !out.begun:
			out.before()
			w.WriteHeader(http.StatusOK)
		case err != nil && !out.begun:
			s.refuse(w, r, err)
		case err != nil:
			_ = s.faulty(r.Context(), err) // logged; the caller learns of it by the break
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Server) readPurposes(ctx context.Context, v *visit) (set receipt.Settings, err error) {
	err = v.place.View(ctx, func(tx *place.Tx) error {
		set, err = receipt.ReadSettings(tx)
		return err
	})
	return set, err
}

func (s *Server) purposes(ctx context.Context, v *visit, _ *CustomerPath) (*body[Purposes], error) {
	set, err := s.readPurposes(ctx, v)
	if err != nil {
		return nil, err
	}
	return answer(Purposes{Asked: set.Asked(v.held), Ready: set.Ready, Free: set.Free, Remember: set.Remember}), nil
}

func (s *Server) purposeSettings(ctx context.Context, v *visit, _ *CustomerPath) (*body[PurposeSettings], error) {
	set, err := s.readPurposes(ctx, v)
	if err != nil {
		return nil, err
	}
	out := PurposeSettings{Roles: []string{}, Support: set.Support, Ready: set.Ready, Free: set.Free, Remember: set.Remember}
	for _, r := range set.Roles {
		out.Roles = append(out.Roles, string(r))
	}
	return answer(out), nil
}

func (s *Server) setPurposeSettings(ctx context.Context, v *visit, in *purposeInput) (*body[PurposeSettings], error) {
	set := receipt.Settings{Support: in.Body.Support, Ready: in.Body.Ready, Free: in.Body.Free, Remember: in.Body.Remember}
	for _, r := range in.Body.Roles {
		set.Roles = append(set.Roles, access.Role(r))
	}
	if err := receipt.SetSettings(ctx, v.place, v.who, set); err != nil {
		return nil, err
	}
	return s.purposeSettings(ctx, v, &in.CustomerPath)
}

// purposeOf gives the purpose as it is recorded, or refuses the opening: the
// customer has chosen of whom one is asked, and which are taken.
func (s *Server) purposeOf(ctx context.Context, v *visit, purpose string) (string, error) {
	set, err := s.readPurposes(ctx, v)
	if err != nil {
		return "", err
	}
	if recording.Lawful(purpose) {
		return purpose, nil // one for which even what is restricted is opened
	}
	return set.Check(v.held, purpose)
}
