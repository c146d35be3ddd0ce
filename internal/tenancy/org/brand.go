package org

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/jpeg" // a logo may come as JPEG
	"image/png"
	"regexp"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
)

// Brand is how a node shows itself in the portal and in mails. What it leaves
// empty it has from the nodes above.
type Brand struct {
	Name     string
	Accent   string // "#rrggbb": buttons and the line at the top
	OnAccent string // text upon it; set with Accent or not at all
	Host     string // under which the sign-in page shows this brand
	Logo     []byte // PNG
	LogoHash string // of Logo: its address
}

const (
	logoBytes  = 256 << 10
	logoPixels = 1024 // a side
)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:[0-9]{1,5})?$`)

// Check finds every fault at once and puts the fields in order. Colours are
// refused as a pair: what cannot be read on a button is nobody's taste.
func (b *Brand) Check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the branding is not valid"}
	wrong := func(path, format string, args ...any) {
		bad.Details = append(bad.Details, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	b.Name, b.Host = strings.TrimSpace(b.Name), strings.ToLower(strings.TrimSpace(b.Host))
	b.Accent, b.OnAccent = strings.ToLower(b.Accent), strings.ToLower(b.OnAccent)
	if len([]rune(b.Name)) > 60 {
		wrong("name", "a name has at most 60 letters")
	}
	if b.Host != "" && (len(b.Host) > 253 || !hostName.MatchString(b.Host)) {
		wrong("host", "want a host name such as calls.example.com")
	}
	if (b.Accent == "") != (b.OnAccent == "") {
		wrong("on_accent", "choose both colours or neither")
	}
	for path, c := range map[string]string{"accent": b.Accent, "on_accent": b.OnAccent} {
		if c != "" && !hexColour.MatchString(c) {
			wrong(path, "want a colour such as #1a2b3c")
		}
	}
	if ratio, err := Contrast(b.Accent, b.OnAccent); err == nil && ratio < enough {
		wrong("on_accent", "text in %s on %s has a contrast of %.2f to 1; it must be at least 4.5 to 1 (WCAG AA) to be read by everybody", b.OnAccent, b.Accent, ratio)
	}
	if err := b.checkLogo(); err != nil {
		wrong("logo", "%s", err.Error())
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// checkLogo decodes the picture and writes it anew: what is shown on the sign-in
// page is pixels and nothing that somebody hid beside them. Its size is read
// before its pixels are, which may be many more than its bytes.
func (b *Brand) checkLogo() error {
	if len(b.Logo) == 0 {
		b.Logo, b.LogoHash = nil, ""
		return nil
	}
	if len(b.Logo) > logoBytes {
		return fmt.Errorf("the picture has more than %d KiB", logoBytes>>10)
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(b.Logo))
	if err != nil || kind != "png" && kind != "jpeg" {
		return fmt.Errorf("want a PNG or JPEG picture")
	}
	if c.Width > logoPixels || c.Height > logoPixels || c.Width < 1 || c.Height < 1 {
		return fmt.Errorf("the picture has %d × %d pixels; at most %d × %d are taken", c.Width, c.Height, logoPixels, logoPixels)
	}
	picture, _, err := image.Decode(bytes.NewReader(b.Logo))
	if err != nil {
		return fmt.Errorf("the picture is damaged")
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture); err != nil {
		return fmt.Errorf("the picture cannot be used")
	}
	if out.Len() > logoBytes {
		return fmt.Errorf("the picture has more than %d KiB as PNG; make it smaller", logoBytes>>10)
	}
	sum := sha256.Sum256(out.Bytes())
	b.Logo, b.LogoHash = out.Bytes(), hex.EncodeToString(sum[:16])
	return nil
}

type brandRow struct {
	Name     string `db:"name"`
	Accent   string `db:"accent"`
	OnAccent string `db:"on_accent"`
	Host     string `db:"host"`
	Logo     []byte `db:"logo"`
	LogoHash string `db:"logo_hash"`
}

func (r brandRow) brand() Brand { return Brand(r) }

const brandColumns = `SELECT b.name, b.accent, b.on_accent, b.host, b.logo, b.logo_hash FROM node_brands b`

// SetBrand replaces a node's own branding. fault.Invalid names every fault, the
// contrast with its ratio; a host name that another node has is fault.Conflict.
// Unchanged, it writes nothing.
func (s *Service) SetBrand(ctx context.Context, who actor.Actor, n id.Node, b Brand) error {
	if err := b.Check(); err != nil {
		return err
	}
	old, err := s.OwnBrand(ctx, n)
	if err != nil || old.Equal(b) {
		return err
	}
	return s.store.Registry().Change(ctx, who, func(tx *place.Tx) error { return PutBrand(tx, n, b) })
}

// Equal compares two brands, pictures by their hash.
func (b Brand) Equal(o Brand) bool {
	return b.Name == o.Name && b.Accent == o.Accent && b.OnAccent == o.OnAccent && b.Host == o.Host && b.LogoHash == o.LogoHash
}

// PutBrand is SetBrand within a Change of the registry, of a brand that Check
// has found good; it writes in any case.
func PutBrand(tx *place.Tx, n id.Node, b Brand) error {
	if b.Host != "" {
		taken, err := place.Row[int](tx, `SELECT count(*) FROM node_brands WHERE host = ? AND node <> ?`, b.Host, n)
		if err != nil {
			return err
		}
		if taken > 0 {
			return fault.Field("host", "another organisation shows itself under this host name")
		}
	}
	tx.Record(place.Event{Code: "branding.set", Subject: n.String(), Facts: map[string]string{
		"name": b.Name, "accent": b.Accent, "on_accent": b.OnAccent, "host": b.Host, "logo": b.LogoHash,
	}})
	if b.Logo == nil {
		b.Logo = []byte{}
	}
	_, err := tx.Exec(`INSERT INTO node_brands (node, name, accent, on_accent, host, logo, logo_hash) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (node) DO UPDATE SET name = excluded.name, accent = excluded.accent, on_accent = excluded.on_accent, host = excluded.host,
			logo = excluded.logo, logo_hash = excluded.logo_hash`, n, b.Name, b.Accent, b.OnAccent, b.Host, b.Logo, b.LogoHash)
	return err
}

// OwnBrand is what a node has chosen itself.
func (s *Service) OwnBrand(ctx context.Context, n id.Node) (b Brand, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		b, err = ReadBrand(tx, n)
		return err
	})
	return b, err
}

// ReadBrand is what a node has chosen itself.
func ReadBrand(tx *place.Tx, n id.Node) (Brand, error) {
	r, err := place.Row[brandRow](tx, brandColumns+` WHERE b.node = ?`, n)
	if fault.Is(err, fault.NotFound) {
		return Brand{}, nil
	}
	return r.brand(), err
}

// BrandOf is how a node shows itself: its own choices, and for the rest those of
// the nodes above, nearest first. Its host is its own alone.
func (s *Service) BrandOf(ctx context.Context, n id.Node) (b Brand, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[brandRow](tx, `WITH RECURSIVE up(id, parent, depth) AS (
				SELECT id, parent, 0 FROM nodes WHERE id = ?
				UNION ALL SELECT n.id, n.parent, up.depth + 1 FROM up JOIN nodes n ON n.id = up.parent)
			SELECT b.name, b.accent, b.on_accent, b.host, b.logo, b.logo_hash FROM up JOIN node_brands b ON b.node = up.id ORDER BY up.depth`, n)
		for _, r := range rows {
			b = b.or(r.brand())
		}
		return err
	})
	return b.or(plainBrand()), err
}

func plainBrand() Brand {
	p := mail.Plain()
	return Brand{Name: p.Name, Accent: p.Accent, OnAccent: p.OnAccent}
}

// or fills what a brand leaves open.
func (b Brand) or(above Brand) Brand {
	if b.Name == "" {
		b.Name = above.Name
	}
	if b.Accent == "" {
		b.Accent, b.OnAccent = above.Accent, above.OnAccent
	}
	if b.LogoHash == "" {
		b.Logo, b.LogoHash = above.Logo, above.LogoHash
	}
	return b
}

// BrandAt is the brand of the sign-in page under a host name: of the node that
// has the name, else of the provider.
func (s *Service) BrandAt(ctx context.Context, host string) (Brand, error) {
	var n id.Node
	err := s.store.Registry().View(ctx, func(tx *place.Tx) (err error) {
		n, err = place.Row[id.Node](tx, `SELECT node FROM node_brands WHERE host = ? AND host <> ''`, strings.ToLower(host))
		if fault.Is(err, fault.NotFound) {
			n, err = place.Row[id.Node](tx, `SELECT id FROM nodes WHERE kind = 'provider'`)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return plainBrand(), nil
	}
	if err != nil {
		return Brand{}, err
	}
	return s.BrandOf(ctx, n)
}

// Logo is the picture with a hash; fault.NotFound if no node shows it.
func (s *Service) Logo(ctx context.Context, hash string) (picture []byte, err error) {
	err = s.store.Registry().View(ctx, func(tx *place.Tx) error {
		picture, err = place.Row[[]byte](tx, `SELECT logo FROM node_brands WHERE logo_hash = ? AND logo_hash <> ''`, hash)
		return err
	})
	return picture, err
}

// LetterBrand is how mails of a node look; of the zero node, the provider's.
// Mails go out in plain looks rather than not at all.
func (s *Service) LetterBrand(ctx context.Context, n id.Node) mail.Brand {
	var b Brand
	var err error
	if n.IsZero() {
		b, err = s.BrandAt(ctx, "")
	} else {
		b, err = s.BrandOf(ctx, n)
	}
	if err != nil {
		return mail.Plain()
	}
	return mail.Brand{Name: b.Name, Logo: b.Logo, Accent: b.Accent, OnAccent: b.OnAccent}
}
