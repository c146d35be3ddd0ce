package org_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/org"
)

// Pairs and their ratios as the W3C's own examples and common checkers give them.
func TestContrast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21},
		{"#ffffff", "#ffffff", 1},
		{"#777777", "#ffffff", 4.48},
		{"#767676", "#ffffff", 4.54},
		{"#0000ff", "#ffffff", 8.59},
		{"#ff0000", "#ffffff", 4.0},
		{"#ffff00", "#ffffff", 1.07},
		{"#008000", "#ffffff", 5.14},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got, err := org.Contrast(pair[0], pair[1]); err != nil || math.Abs(got-c.want) > 0.01 {
				t.Errorf("%v: %.3f, %v; want %.2f", pair, got, err, c.want)
			}
		}
	}
	for _, bad := range []string{"", "red", "#fff", "#12345g", "#1234567", "#ABCDEF"} {
		if _, err := org.Contrast(bad, "#ffffff"); err == nil {
			t.Errorf("%q is a colour", bad)
		}
	}
}

func picture(t *testing.T, w, h int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	m.Set(0, 0, color.RGBA{200, 10, 10, 255})
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(b *bytes.Buffer, m image.Image) error  { return png.Encode(b, m) }
func asJPEG(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }

func TestBrandingIsInherited(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		set := func(n org.Node, brand org.Brand) {
			t.Helper()
			if err := b.SetBrand(ctx, who, n.ID, brand); err != nil {
				t.Fatal(err)
			}
		}
		if got := must[org.Brand](t)(b.BrandOf(ctx, b.left.ID)); got.Name != "Ringfence" || got.Accent == "" {
			t.Errorf("where nobody chose: %+v", got)
		}
		hidden := append(picture(t, 8, 4, asPNG), []byte("<script>alert(1)</script>")...)
		set(b.top, org.Brand{Name: "Beacon Voice", Accent: "#123456", OnAccent: "#ffffff", Logo: hidden})
		set(b.mid, org.Brand{Name: "Northern", Host: "Calls.Northern.example"})
		set(b.left, org.Brand{Accent: "#ffdd00", OnAccent: "#000000"})
		got := must[org.Brand](t)(b.BrandOf(ctx, b.left.ID))
		if got.Name != "Northern" || got.Accent != "#ffdd00" || got.OnAccent != "#000000" || got.LogoHash == "" || got.Host != "" {
			t.Errorf("the customer's look: %+v", got)
		}
		if bytes.Contains(got.Logo, []byte("script")) {
			t.Error("what was hidden beside the picture is shown to everybody")
		}
		if logo := must[[]byte](t)(b.Logo(ctx, got.LogoHash)); !bytes.Equal(logo, got.Logo) {
			t.Error("another picture")
		}
		for _, none := range []string{"", "0000"} {
			if _, err := b.Logo(ctx, none); !fault.Is(err, fault.NotFound) {
				t.Errorf("a picture of nobody: %v", err)
			}
		}
		for host, want := range map[string]string{"calls.northern.example": "Northern", "CALLS.northern.example": "Northern", "else.example": "Beacon Voice", "": "Beacon Voice"} {
			if got := must[org.Brand](t)(b.BrandAt(ctx, host)); got.Name != want {
				t.Errorf("sign-in page at %q: %s", host, got.Name)
			}
		}
		letter := b.LetterBrand(ctx, b.left.ID)
		if letter.Name != "Northern" || letter.Accent != "#ffdd00" || len(letter.Logo) == 0 {
			t.Errorf("letters: %+v", letter)
		}
		before := events(t, store)
		set(b.left, org.Brand{Accent: "#FFDD00", OnAccent: "#000000"})
		if events(t, store) != before {
			t.Error("the same look again is written again")
		}
	})
}

func TestBrandingIsRefused(t *testing.T) {
	placetest.Run(t, schemas, func(t *testing.T, store *place.Store) {
		b, ctx := grow(t, store), t.Context()
		if err := b.SetBrand(ctx, who, b.mid.ID, org.Brand{Host: "calls.example.com"}); err != nil {
			t.Fatal(err)
		}
		huge := picture(t, 1025, 1, asPNG)
		for _, c := range []struct {
			brand org.Brand
			path  string
			text  string
		}{
			{org.Brand{Accent: "#777777", OnAccent: "#ffffff"}, "on_accent", "4.48 to 1"},
			{org.Brand{Accent: "#777777"}, "on_accent", "both"},
			{org.Brand{Accent: "red", OnAccent: "#ffffff"}, "accent", "colour"},
			{org.Brand{Accent: "#000000;x", OnAccent: "#ffffff"}, "accent", "colour"},
			{org.Brand{Name: strings.Repeat("x", 61)}, "name", "60"},
			{org.Brand{Host: "no host"}, "host", "host name"},
			{org.Brand{Host: "calls.example.com"}, "host", "another"},
			{org.Brand{Logo: []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)}, "logo", "PNG or JPEG"},
			{org.Brand{Logo: huge}, "logo", "1025 × 1"},
			{org.Brand{Logo: picture(t, 8, 8, asPNG)[:60]}, "logo", "damaged"},
			{org.Brand{Logo: make([]byte, 300<<10)}, "logo", "256 KiB"},
		} {
			err := b.SetBrand(ctx, who, b.left.ID, c.brand)
			if !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != c.path || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%.60v: %v", c.brand, err)
			}
		}
		if own := must[org.Brand](t)(b.OwnBrand(ctx, b.left.ID)); own.Accent != "" || own.LogoHash != "" {
			t.Errorf("something of what was refused was kept: %+v", own)
		}
		if err := b.SetBrand(ctx, who, b.left.ID, org.Brand{Logo: picture(t, 30, 20, asJPEG)}); err != nil {
			t.Errorf("a JPEG: %v", err)
		}
	})
}
