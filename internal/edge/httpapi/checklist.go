package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// Checklist is where the setting up of a customer stands, as the system found.
type Checklist struct {
	Items      []ChecklistItem `json:"items"`
	Complete   bool            `json:"complete"`
	MailSentAt *time.Time      `json:"mail_sent_at"`
	SignedAt   *time.Time      `json:"signed_at"`
	SignedBy   string          `json:"signed_by"`
	ReportedAt *time.Time      `json:"reported_at" doc:"When the customer's part of the server last told"`
}

// ChecklistItem is one line of it.
type ChecklistItem struct {
	Item string `json:"item" enum:"copies,mail,administrator,factor,captured,opened"`
	Text string `json:"text"`
	Done bool   `json:"done"`
}

// itemTexts say what each item means.
var itemTexts = map[org.Item]string{
	org.ItemCopies:        "Keys and recordings are each kept in two places",
	org.ItemMail:          "A test mail arrived and its link was followed",
	org.ItemAdministrator: "The customer's administrator has signed in",
	org.ItemFactor:        "Second factors are demanded, or every administrator has one",
	org.ItemCaptured:      "A first file was captured",
	org.ItemOpened:        "A recording was opened by a person",
}

type mailArrivedInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200"`
	}
}

func (s *Server) checklistRoutes() {
	const base = "/api/v1/nodes/{node}/checklist"
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base, id: "getChecklist", summary: "Whether a customer is set up, as the system found"}, s.getChecklist)
	add(s, route{gate: onNode(access.ChecklistSign), method: post, path: base + "/mail", id: "sendTestMail", summary: "Mail yourself a link that proves that mail arrives"}, s.sendTestMail)
	add(s, route{gate: onNode(access.ChecklistSign), method: post, path: base + "/signature", id: "signChecklist", summary: "Sign a complete checklist"}, s.signChecklist)
	add(s, route{gate: anyone(), method: post, path: "/api/v1/mail-confirmations", id: "confirmMail", summary: "Follow the link of a test mail", status: 204}, s.confirmMail)
}

func (s *Server) getChecklist(ctx context.Context, v *visit, _ *NodePath) (*body[Checklist], error) {
	c, err := s.deps.Tree.Checklist(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	return answer(s.showChecklist(ctx, c)), nil
}

func (s *Server) showChecklist(ctx context.Context, c org.Checklist) Checklist {
	out := Checklist{
		Items: []ChecklistItem{}, Complete: c.Complete(), MailSentAt: when(c.MailSentAt), SignedAt: when(c.SignedAt), SignedBy: c.SignedBy, ReportedAt: when(c.ReportedAt),
	}
	for _, i := range org.Items() {
		out.Items = append(out.Items, ChecklistItem{string(i), itemTexts[i], c.Done[i]})
	}
	if i, err := id.Parse[id.Person](c.SignedBy); err == nil {
		if p, err := s.deps.People.Person(ctx, i); err == nil { // gone: the id has to do
			out.SignedBy = p.Name
		}
	}
	return out
}

// sendTestMail writes to whoever asks for it: what arrives there arrives by the
// way that this customer's mails go, too.
func (s *Server) sendTestMail(ctx context.Context, v *visit, _ *NodePath) (*body[Checklist], error) {
	p, err := s.deps.People.Person(ctx, v.person)
	if err != nil {
		return nil, err
	}
	token, err := s.deps.Tree.TestMail(ctx, v.who, v.node.ID)
	if err != nil {
		return nil, err
	}
	letter := mail.Letter{
		Subject:    "Test mail for " + v.node.Name,
		Paragraphs: []string{"This mail shows that mails of Ringfence for " + v.node.Name + " arrive, and how they look."},
		Action:     mail.Action{Label: "Confirm that it arrived", URL: s.deps.URL() + "/mail-arrived#token=" + token},
		Closing:    []string{"The link works once, within a week. It signs nobody in."},
	}
	if err := s.deps.Mail.Send(ctx, letter.Message(s.deps.Tree.LetterBrand(ctx, v.node.ID), p.Email, v.at)); err != nil {
		return nil, err
	}
	return s.getChecklist(ctx, v, nil)
}

func (s *Server) signChecklist(ctx context.Context, v *visit, _ *NodePath) (*body[Checklist], error) {
	c, err := s.deps.Tree.SignChecklist(ctx, v.who, v.node.ID)
	if err != nil {
		return nil, err
	}
	return answer(s.showChecklist(ctx, c)), nil
}

func (s *Server) confirmMail(ctx context.Context, _ *visit, in *mailArrivedInput) (*none, error) {
	return nil, s.deps.Tree.ConfirmMail(ctx, in.Body.Token)
}
