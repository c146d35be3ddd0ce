package pii

import "testing"

// Numbers come in company, and what one is may be known from the one before.
func TestNumbersInCompany(t *testing.T) {
	const card = "A: the long number|C: five five five five three four one two four four four four one one one three|"
	long := "five five five five three four one two four four four four one one one three"
	for text, want := range map[string]map[Entity]string{
		// The code is said in one breath with the date until when the card is good.
		card + "A: expiry date|C: oh nine twenty eight and two six one":              {CreditCard: long, Date: "oh nine twenty eight", SecurityCode: "two six one"},
		card + "A: when does it run out|C: june thirty oh four four":                 {CreditCard: long, Date: "june thirty", SecurityCode: "oh four four"},
		card + "A: the date|C: eleven twenty nine|A: last three|C: seven nought one": {CreditCard: long, Date: "eleven twenty nine", SecurityCode: "seven nought one"},
		card + "A: and turn it over for me|C: nine eight two":                        {CreditCard: long, SecurityCode: "nine eight two"},
		// A branch and an account, though nobody has said so.
		"A: where are the wages going|C: forty sixteen oh two and then three one double oh nine two two seven":                                {SortCode: "forty sixteen oh two", BankAccount: "three one double oh nine two two seven"},
		"A: which bank would you like it in|C: it's oh seven oh four double three|A: yes|C: one nine six two|A: yes|C: two eight double one":  {SortCode: "oh seven oh four double three", BankAccount: "one nine six two two eight double one"},
		"A: how shall we pay you back|C: twenty ten ninety four six one two double seven nine oh three":                                       {SortCode: "twenty ten ninety four", BankAccount: "six one two double seven nine oh three"},
		"A: your account number|C: two two nine one four oh three eight|A: and|C: sixty eleven oh five":                                       {BankAccount: "two two nine one four oh three eight", SortCode: "sixty eleven oh five"},
		"A: and which bank|C: monzo oh four double oh oh four|A: right|C: two five one nine double six oh one":                                {SortCode: "oh four double oh oh four", BankAccount: "two five one nine double six oh one"},
		"A: policy number|C: four four nine two oh one|A: and where do we pay|C: twenty twenty eighteen five five nine oh one two three four": {SortCode: "twenty twenty eighteen", BankAccount: "five five nine oh one two three four"},
		// A part that was asked for need not be of a card.
		"A: the last four digits of your account number|C: seven seven one two":          {BankAccount: "seven seven one two"},
		"A: confirm the last four of the phone number we hold|C: nine oh four two":       {Phone: "nine oh four two"},
		"A: your sort code ending one six|C: yes|A: and the account ending oh nine five": {SortCode: "one six", BankAccount: "oh nine five"},
		"A: the last four digits of the card|C: seven seven one two":                     {CreditCard: "seven seven one two"},
		// What is nobody's stays so.
		"A: your order number|C: forty sixteen oh two three one double oh nine two two seven": {},
		"A: the meter reading|C: oh four six one double two|A: and the other|C: one one nine": {},
		"A: it's three hundred and twelve pounds|C: that is fine|A: oh good":                  {},
	} {
		if got := kinds(said(text)); !equal(got, want) {
			t.Errorf("%s\n gives %q\n want  %q", text, got, want)
		}
	}
}
