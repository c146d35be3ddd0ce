package phone_test

import (
	"testing"

	"ringfence/internal/base/phone"
)

func TestOneNumberIsOneText(t *testing.T) {
	for _, c := range []struct {
		text, country string
		want          phone.Number
	}{
		{"+44 20 7183 8750", "", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"020 7183 8750", "GB", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"02071838750", "gb", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"0044 20 7183-8750", "GB", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"+44 (0)20 7183 8750", "GB", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"sip:+442071838750@carrier.example;user=phone", "GB", phone.Number{Text: "+442071838750", Kind: phone.Public}},
		{"0151 496 0123", "GB", phone.Number{Text: "+441514960123", Kind: phone.Public}},
		{"030 901820", "DE", phone.Number{Text: "+4930901820", Kind: phone.Public}},
		{"(212) 555-0123", "US", phone.Number{Text: "+12125550123", Kind: phone.Public}},
		{"201", "GB", phone.Number{Text: "201", Kind: phone.Extension}},
		{"*97", "GB", phone.Number{Text: "*97", Kind: phone.Extension}},
		{"999", "GB", phone.Number{Text: "999", Kind: phone.Extension}},
		{"100201", "", phone.Number{Text: "100201", Kind: phone.Extension}},
		{"02071838750", "", phone.Number{Text: "02071838750", Kind: phone.Other}},
		{"Reception", "GB", phone.Number{Text: "Reception", Kind: phone.Other}},
		{"*2102071838750", "GB", phone.Number{Text: "*2102071838750", Kind: phone.Other}},
		{"1234567890123456789012345", "GB", phone.Number{Text: "1234567890123456789012345", Kind: phone.Other}},
		{"anonymous", "GB", phone.Number{Kind: phone.Withheld}},
		{"Anonymous@anonymous.invalid", "GB", phone.Number{Kind: phone.Withheld}},
		{" RESTRICTED ", "GB", phone.Number{Kind: phone.Withheld}},
		{"", "GB", phone.Number{Kind: phone.Withheld}},
	} {
		if got := phone.Read(c.text, c.country); got != c.want {
			t.Errorf("Read(%q, %q) = %+v, want %+v", c.text, c.country, got, c.want)
		}
	}
}

// What Read made, Read leaves as it is: an index over read numbers would
// otherwise miss a filter that was copied from a page.
func FuzzReadIsStable(f *testing.F) {
	for _, s := range []string{"+442071838750", "201", "anonymous", "+44 (0)20 7183 8750", "0044", "+", "++1", "sip:@", "*#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first := phone.Read(s, "GB")
		if first.Kind != phone.Public {
			return
		}
		if again := phone.Read(first.Text, "GB"); again != first {
			t.Errorf("Read(%q) = %+v, read again %+v", s, first, again)
		}
	})
}
