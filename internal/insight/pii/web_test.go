package pii

import "testing"

// Addresses are found whole, with the small words in them and over a nod.
func TestAddressesAreFoundWhole(t *testing.T) {
	for text, want := range map[string]map[Entity]string{
		"A: and the email|C: it's salt and pepper catering at gmail dot com":         {Email: "salt and pepper catering at gmail dot com"},
		"A: your email address|C: the old forge at norfield dot co dot uk":           {Email: "the old forge at norfield dot co dot uk"},
		"A: what email is it|C: man of the moors|A: oh|C: at outlook dot com":        {Email: "man of the moors oh at outlook dot com"},
		"A: email please|C: pitchfork one at aol dot com":                            {Email: "pitchfork one at aol dot com"},
		"A: email|C: f for freddie a for apple y for yellow at me dot com":           {Email: "f for freddie a for apple y for yellow at me dot com"},
		"A: email|C: tess hyphen moor ate nine at live dot erm co dot uk":            {Email: "tess hyphen moor ate nine at live dot erm co dot uk"},
		"A: Your email?|C: It's thistle.pots at norfield.scot, all lower case.":      {Email: "thistle.pots at norfield.scot,"},
		"A: what's your website|C: wood and wool dot co dot uk":                      {URL: "wood and wool dot co dot uk"},
		"A: have a look at four nine two dot bright water dot com":                   {URL: "four nine two dot bright water dot com"},
		"A: it's double you double you um double you dot norfield dot um org dot uk": {URL: "double you double you um double you dot norfield dot um org dot uk"},
		"A: Is it www.norfield.cymru/bins? I mean norfield.plumbing now.":            {URL: "www.norfield.cymru/bins? norfield.plumbing"},
		"C: it says version three dot one dot nine":                                  {},
		"C: meet me at the station about four and look at it with me":                {},
		"A: type in ten dot nought dot|C: ten|A: dot nought dot nine dot one":        {IPAddress: "ten dot nought dot ten dot nought dot nine dot one"},
		"A: put your password in at one seven two dot sixteen dot four dot two":      {IPAddress: "one seven two dot sixteen dot four dot two"},
		"C: something on the network says one nine two one six eight two twenty one": {IPAddress: "one nine two one six eight two twenty one"},
		"A: what's the ip|C: won oh dot too oh two dot tree dot won one":             {IPAddress: "won oh dot too oh two dot tree dot won one"},
		"A: type one nine two|C: one nine two|A: dot one six eight dot four dot one": {IPAddress: "one nine two one nine two dot one six eight dot four dot one"},
		"C: it's f d zero zero colon colon nine a colon twelve":                      {IPAddress: "f d zero zero colon colon nine a colon twelve"},
		"A: when does your card expire|C: september of thirty one":                   {Date: "september of thirty one"},
		"A: date of birth|C: the sixth of april nineteen and forty two":              {Date: "the sixth of april nineteen and forty two"},
		"A: what's your date of birth|C: fourth o march is it seventy nine":          {Date: "fourth o march is it seventy nine"},
	} {
		if got := kinds(said(text)); !equal(got, want) {
			t.Errorf("%s\n gives %q\n want  %q", text, got, want)
		}
	}
}
