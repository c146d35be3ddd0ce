package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ringfence/internal/base/fault"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// Brand is how pages and mails look.
type Brand struct {
	Name     string `json:"name"`
	Accent   string `json:"accent" doc:"Buttons and the line at the top" example:"#0f5c63"`
	OnAccent string `json:"on_accent" doc:"Text upon it" example:"#ffffff"`
	LogoURL  string `json:"logo_url" doc:"Empty: none"`
}

// NodeBrand is what a node chose itself, and what it shows.
type NodeBrand struct {
	Own   OwnBrand `json:"own"`
	Shown Brand    `json:"shown" doc:"With what comes from the nodes above"`
}

// OwnBrand is a node's own choices; empty: from the nodes above.
type OwnBrand struct {
	Name     string `json:"name" maxLength:"60"`
	Accent   string `json:"accent" maxLength:"7"`
	OnAccent string `json:"on_accent" maxLength:"7" doc:"Refused where the contrast with accent is below 4.5 to 1 (WCAG AA)"`
	Host     string `json:"host" maxLength:"253" doc:"Under which the sign-in page shows this brand; set by those above"`
	LogoURL  string `json:"logo_url" readOnly:"true"`
}

type brandInput struct {
	NodePath
	Body struct {
		Name     string  `json:"name" maxLength:"60"`
		Accent   string  `json:"accent" maxLength:"7"`
		OnAccent string  `json:"on_accent" maxLength:"7"`
		Host     *string `json:"host,omitempty" maxLength:"253" doc:"Left out: stays as it is"`
		Logo     []byte  `json:"logo,omitempty" contentEncoding:"base64" doc:"PNG or JPEG in base64, at most 256 KiB and 1024 × 1024; left out: stays as it is"`
		NoLogo   bool    `json:"no_logo,omitempty" doc:"Takes the logo away"`
	}
}

type logoPath struct {
	Logo string `path:"logo" maxLength:"64"`
}

func (s *Server) brandRoutes() {
	const base = "/api/v1/nodes/{node}/branding"
	add(s, route{gate: onNode(access.UsageRead), method: get, path: base, id: "getBranding", summary: "How a node shows itself"}, s.getBranding)
	add(s, route{gate: onNode(access.BrandingSet), method: put, path: base, id: "setBranding", summary: "Choose name, colours and logo of a node and those below", limit: 512 << 10}, s.setBranding)
	add(s, route{gate: anyone(), method: get, path: "/api/v1/brand", id: "getBrand", summary: "How the sign-in page looks under this host name"}, s.getBrand)
	add(s, route{gate: anyone(), method: get, path: "/api/v1/logos/{logo}", id: "getLogo", summary: "A logo", gives: "image/png"}, s.getLogo)
}

func showBrand(b org.Brand) Brand { return Brand{b.Name, b.Accent, b.OnAccent, logoURL(b)} }

func logoURL(b org.Brand) string {
	if b.LogoHash == "" {
		return ""
	}
	return "/api/v1/logos/" + b.LogoHash
}

func (s *Server) getBranding(ctx context.Context, v *visit, _ *NodePath) (*body[NodeBrand], error) {
	own, err := s.deps.Tree.OwnBrand(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	shown, err := s.deps.Tree.BrandOf(ctx, v.node.ID)
	return answer(NodeBrand{OwnBrand{own.Name, own.Accent, own.OnAccent, own.Host, logoURL(own)}, showBrand(shown)}), err
}

// setBranding takes the host name only from who may set the node's quota, so
// from above: a reseller could else put itself before the provider's own page.
func (s *Server) setBranding(ctx context.Context, v *visit, in *brandInput) (*body[NodeBrand], error) {
	b, err := s.deps.Tree.OwnBrand(ctx, v.node.ID)
	if err != nil {
		return nil, err
	}
	b.Name, b.Accent, b.OnAccent = in.Body.Name, in.Body.Accent, in.Body.OnAccent
	if in.Body.Host != nil && *in.Body.Host != b.Host {
		if !v.may(access.QuotaSet) {
			return nil, fault.Field("host", "the host name is set by the organisation above")
		}
		b.Host = *in.Body.Host
	}
	switch {
	case in.Body.NoLogo:
		b.Logo, b.LogoHash = nil, ""
	case len(in.Body.Logo) > 0:
		b.Logo = in.Body.Logo
	}
	if err := s.deps.Tree.SetBrand(ctx, v.who, v.node.ID, b); err != nil {
		return nil, err
	}
	return s.getBranding(ctx, v, &in.NodePath)
}

func (s *Server) getBrand(ctx context.Context, v *visit, _ *none) (*body[Brand], error) {
	b, err := s.deps.Tree.BrandAt(ctx, v.host)
	return answer(showBrand(b)), err
}

// getLogo answers by the hash of the picture, which tells nobody whose it is
// and never means another one.
func (s *Server) getLogo(ctx context.Context, _ *visit, in *logoPath) (*huma.StreamResponse, error) {
	picture, err := s.deps.Tree.Logo(ctx, in.Logo)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "image/png")
		hc.SetHeader("Cache-Control", "public, max-age=31536000, immutable")
		hc.SetStatus(http.StatusOK)
		_, _ = hc.BodyWriter().Write(picture) // the caller has gone: there is nobody to tell
	}}, nil
}
