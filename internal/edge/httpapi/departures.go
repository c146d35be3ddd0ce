package httpapi

import (
	"context"
	"time"

	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/parcel"
)

// Departure is how far a customer's leaving has come.
type Departure struct {
	Recordings int64      `json:"recordings"`
	Held       int        `json:"held" doc:"Recordings under a legal hold: while there is one, nobody leaves"`
	State      string     `json:"state" enum:"none,waiting,approved,asking" doc:"waiting: for a second person; approved: carried out when its time has come; asking: final, collectors and watched folders are asked for what they have, then the keys go"`
	ApprovalID *string    `json:"approval_id"`
	AskedAt    *time.Time `json:"asked_at"`
	NotBefore  *time.Time `json:"not_before" doc:"72 hours after it was asked for; until then, and until it is carried out, it can be stopped"`
	Reason     string     `json:"reason"`
	// Of a departure that is final.
	AskingUntil     *time.Time `json:"asking_until" doc:"The keys go then at the latest: 24 hours after the asking began"`
	Boxes           int        `json:"boxes" doc:"Collectors that were asked and can answer"`
	BoxesAnswered   int        `json:"boxes_answered"`
	Folders         int        `json:"folders" doc:"Sources whose files this server reaches itself, as watched folders"`
	FoldersAnswered int        `json:"folders_answered"`
}

// DepartedCustomer is one who left; the certificate remains.
type DepartedCustomer struct {
	CustomerID    string    `json:"customer_id"`
	Name          string    `json:"name"`
	LeftAt        time.Time `json:"left_at"`
	Recordings    int       `json:"recordings"`
	CertificateID string    `json:"certificate_id"`
	Certificate   string    `json:"certificate" doc:"Signed: saved as a file, 'ringfence certificate verify' checks it"`
	Paper         []byte    `json:"paper" doc:"The same as a signed PDF"`
}

type (
	exportCustomerInput struct {
		CustomerPath
		Body struct {
			ReceiveKey string `json:"receive_key" minLength:"100" maxLength:"8000" doc:"Of the receiving installation, as 'ringfence customer receive-key' writes it there"`
			Purpose    string `json:"purpose" minLength:"1" maxLength:"500"`
		}
	}
	leaveInput struct {
		CustomerPath
		Body struct {
			Confirm int64  `json:"confirm" doc:"The exact count of recordings that will be destroyed"`
			Reason  string `json:"reason" minLength:"3" maxLength:"1000" doc:"The second person reads it"`
		}
	}
)

func (s *Server) departureRoutes() {
	const base = "/api/v1/customers/{customer}/departure"
	leave := inCustomer(access.CustomerLeave)
	add(s, route{gate: leave, method: get, path: base, id: "departure", summary: "How far leaving has come"}, s.departure)
	add(s, route{gate: leave, fresh: true, method: post, path: base + "/exports", id: "exportCustomer", summary: "Make the bundle with everything, for another installation", status: 201}, s.exportCustomer)
	add(s, route{gate: leave, fresh: true, method: post, path: base, id: "leave", summary: "Ask for the destruction of the customer's key: a second person and 72 hours stand before it", status: 201}, s.leave)
	add(s, route{gate: leave, method: del, path: base, id: "stay", summary: "Take the asking back, or stop what was approved", status: 204}, s.stay)
	above := onNode(access.NodeManage)
	add(s, route{gate: above, method: get, path: "/api/v1/nodes/{node}/departed", id: "listDeparted", summary: "Customers who left this node, the latest first, with the certificates that remain"}, s.listDeparted)
}

func (s *Server) departure(ctx context.Context, v *visit, _ *CustomerPath) (*body[Departure], error) {
	st, err := s.deps.Departures.Standing(ctx, v.place)
	if err != nil {
		return nil, err
	}
	out := Departure{Recordings: st.Recordings, Held: st.Held, State: "none"}
	if a := st.Asked; a != nil {
		out.State, out.ApprovalID, out.AskedAt, out.NotBefore, out.Reason = a.State, orNull(a.ID.String()), when(a.AskedAt), when(a.NotBefore), a.Reason
	}
	if a := st.Asking; a != nil {
		out.State, out.AskingUntil = "asking", when(a.Until)
		out.Boxes, out.BoxesAnswered, out.Folders, out.FoldersAnswered = a.Boxes, a.BoxesAnswered, a.Folders, a.FoldersAnswered
	}
	return answer(out), nil
}

func (s *Server) exportCustomer(ctx context.Context, v *visit, in *exportCustomerInput) (*body[Export], error) {
	p, err := s.deps.Parcels.Ask(ctx, v.place, v.who, parcel.Order{
		Kind: departure.Export, Name: "customer-" + v.place.Customer().String() + ".zip", Args: departure.Order{ReceiveKey: in.Body.ReceiveKey}, Purpose: in.Body.Purpose,
	})
	if err != nil {
		return nil, err
	}
	return answer(showExport(p)), nil
}

func (s *Server) leave(ctx context.Context, v *visit, in *leaveInput) (*body[Departure], error) {
	if err := s.deps.Departures.Ask(ctx, v.place, v.who, in.Body.Confirm, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.departure(ctx, v, &in.CustomerPath)
}

func (s *Server) stay(ctx context.Context, v *visit, _ *CustomerPath) (*none, error) {
	return nil, s.deps.Departures.Stop(ctx, v.place, v.who)
}

func (s *Server) listDeparted(ctx context.Context, v *visit, in *NodePath) (*body[items[DepartedCustomer]], error) {
	all, err := s.deps.Departures.Departed(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	var out []DepartedCustomer
	for _, d := range all {
		one := DepartedCustomer{CustomerID: d.Customer.String(), Name: d.Name, LeftAt: d.When(), Recordings: d.Recordings, CertificateID: d.Certificate.String()}
		document, err := s.deps.Departures.Document(ctx, v.node.ID, d.Certificate, false)
		if err == nil {
			one.Certificate = string(document)
			one.Paper, err = s.deps.Departures.Document(ctx, v.node.ID, d.Certificate, true)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return listed(out), nil
}
