package pii

import (
	"slices"
	"strings"
	"testing"
)

// kinds are the entities that were found, each with how many words of it, in order.
func kinds(turns []Turn) map[Entity]string {
	all := map[Entity]string{}
	for _, s := range Detect(turns) {
		for _, w := range turns[s.Turn].Words[s.From:s.To] {
			all[s.Entity] += w.Text + " "
		}
	}
	for e := range all {
		all[e] = strings.TrimSpace(all[e])
	}
	return all
}

// A number is meant that is put together from pieces of which some are said twice,
// taken back, begun again or said by the other.
func TestANumberIsPutTogether(t *testing.T) {
	for text, want := range map[string]map[Entity]string{
		// The other reads along, and the one who says it says it with them.
		"A: what's the nhs number|C: four five oh five five seven seven one|A: four five oh|C: five five seven|A: seven one mm|C: oh four": {NHS: "four five oh five five seven seven one four five oh five five seven seven one mm oh four"},
		"A: account number|C: nine one three|A: nine one three|C: oh oh|A: nine one three oh oh|C: two seven four":                         {BankAccount: "nine one three nine one three oh oh nine one three oh oh two seven four"},
		"A: give me the mobile|C: oh seven seven double oh|A: oh double seven double oh|C: nine hundred|A: nine hundred|C: one two three":  {Phone: "oh seven seven double oh oh double seven double oh nine hundred nine hundred one two three"},
		// A part is taken back.
		"A: best contact number|C: oh one three one four nine six oh nine nah oh seven double two":                                                  {Phone: "oh one three one four nine six oh nine nah oh seven double two"},
		"A: your account number|C: two double four six eight one no tell a lie eight two nine three":                                                {BankAccount: "two double four six eight one eight two nine three"},
		"A: sort code please|C: twenty sixty nineteen oops ninety one":                                                                              {SortCode: "twenty sixty nineteen oops ninety one"},
		"A: the long card number|C: four seven one six double oh one two wait double oh one three|A: yes|C: three nine four four eight two oh four": {CreditCard: "four seven one six double oh one two wait double oh one three three nine four four eight two oh four"},
		// It is begun again.
		"A: account number|C: oh six three sorry the dog oh six three nine one one four eight":                                                                         {BankAccount: "oh six three oh six three nine one one four eight"},
		"A: and the mobile|C: oh seven nine double one|A: say that again|C: oh seven nine double one two three four|A: yeah|C: five six seven|A: is that three digits": {Phone: "oh seven nine double one oh seven nine double one two three four five six seven"},
		// The other has heard it wrong.
		"A: sort code|C: thirty ninety oh two|A: thirty ninety twenty|C: oh two not twenty|A: oh two got it": {SortCode: "thirty ninety oh two thirty ninety twenty oh two twenty oh two"},
		// Something else is said in between.
		"A: your nhs number|C: nine four three|A: the dog's lively|C: he is four seven six|A: bless him|C: and then five nine one nine": {NHS: "nine four three four seven six five nine one nine"},
		// Letters and digits are, too; words may be letters, and be none.
		"A: postcode|C: el ess no it's b s|A: b s|C: sixteen|A: sixteen yeah|C: two double you ex":                                   {Postcode: "ess no it's b s b s sixteen sixteen yeah two double you ex"},
		"A: where shall we send it|C: same address|A: what's that|C: n g nine|A: n g nine|C: four tea are":                           {Postcode: "n g nine n g nine four tea are"},
		"A: what's the postcode|C: s a forty three something one n w":                                                                {Postcode: "s a forty three something one n w"},
		"A: and the postcode|C: d d four nine l x l z sorry":                                                                         {Postcode: "d d four nine l x l z"},
		"A: your national insurance number|C: are why no sorry are ex|A: yes|C: forty eighteen seventy one|A: and the letter|C: see": {NINO: "are why no sorry are ex forty eighteen seventy one see"},
		"A: national insurance|C: it starts p c|A: p c|C: then twenty|A: twenty mm hmm|C: oh six fifty three what's the end bit c":   {NINO: "p c p c twenty twenty mm hmm oh six fifty three c"},
		"A: ni number|C: the digits are three one double four eight oh and it ends b|A: and the letters in front|C: t w":             {NINO: "are three one double four eight oh b t w"},
		"A: the iban please|C: d e eight nine|A: d e eight nine|C: three seven oh four oh oh four four|A: what was that|C: oh four four then oh five three two oh one three oh oh oh": {
			IBAN: "d e eight nine d e eight nine three seven oh four oh oh four four oh four four then oh five three two oh one three oh oh oh",
		},
	} {
		if got := kinds(said(text)); !equal(got, want) {
			t.Errorf("%s\n gives %q\n want  %q", text, got, want)
		}
	}
}

func equal(a, b map[Entity]string) bool {
	for e := range a {
		if a[e] != b[e] && slices.Contains(Entities(), e) {
			return false
		}
	}
	return len(a) == len(b)
}
