package pii

import "strings"

// cue is a phrase that says what is read out next.
type cue struct {
	phrase string
	entity Entity
}

// cues, in phrases as they are heard. Between two at the same place the longer wins.
var cues = gather(map[Entity]string{
	CreditCard:   "card number|long number|sixteen digit|16 digit|visa|mastercard|master card|amex|american express|debit card|credit card|number on the card|number across|across the front|front of your card|first four digits|last four digits|last four|card details|which card|new card|my card|the card|your card|all cards|first four",
	SecurityCode: "security code|security number|security digits|three digits|last three|three numbers|three digit|c v v|cvv|c v c|cvc|signature|verification code|code on the back|on the back|from the back|the back|reverse of|the strip|card verification|digits on the reverse|four digit code|four digits on the front|code",
	SortCode:     "sort code|sort|six digit|code",
	BankAccount:  "account number|bank account|eight digit|account|number is|number we hold",
	NHS:          "nhs number|n h s number|nhs|n h s|h s number|health service number|patient number|hospital number",
	Phone:        "phone number|telephone|mobile|contact number|landline|number to reach|daytime|reach you on|ring me|call me|ring|phone|calling from|call you|callback|driver call|text updates|number's|old number|looks after this",
	Date:         "date of birth|d o b|dob|born|birthday|birth|expiry|expires|expiry date|expiration|valid from|start date|day were you|year and day",
	NINO:         "national insurance|n i number|ni number|insurance number|n i",
	IBAN:         "iban|i ban|international account|international bank",
	Postcode:     "postcode|post code|postal code|zip code",
	nothing:      "order number|order|reference|reference number|serial number|policy number|claim number|booking|tracking number|ticket number|ticket|case number|invoice number|meter|part number|error code|reading|readings|area code|door code|model number|job number|customer number|quote number|extension",
	IPAddress:    "ip address|i p address|i p|ip|server|router|signed in from|logged in|sign in from",
})

// nothing is what numbers are that are nobody's, such as those of orders.
const nothing Entity = ""

func gather(m map[Entity]string) (all []cue) {
	for e, text := range m {
		for _, p := range strings.Split(text, "|") {
			all = append(all, cue{" " + p + " ", e})
			if e == nothing {
				all = append(all, cue{" " + p + " is ", e})
			}
		}
	}
	return all
}

// reach is how many words before a number are looked at, behind how many after.
const (
	reach  = 45
	behind = 6
)

// expected gives the entities that were talked of before a token, the nearest
// first, each with how many words lie between.
func expected(ts []token, from, to int) (found []nearness) {
	best := map[Entity]nearness{}
	look := func(text string, far func(at, end int) int) {
		for _, c := range cues {
			at := strings.LastIndex(text, c.phrase)
			if at < 0 {
				continue
			}
			n := nearness{c.entity, far(at, at+len(c.phrase)), len(c.phrase), c.entity == CreditCard && strings.Contains(c.phrase, " four ")}
			if old, ok := best[c.entity]; !ok || n.nearer(old) {
				best[c.entity] = n
			}
		}
	}
	before := join(ts[max(0, from-reach):from])
	look(before, func(_, end int) int { return strings.Count(before[end-1:], " ") })
	after := join(ts[to:min(len(ts), to+behind)])
	look(after, func(at, _ int) int { return reach/2 + strings.Count(after[:at], " ") })
	for _, n := range best {
		i := 0
		for i < len(found) && !n.nearer(found[i]) {
			i++
		}
		found = append(found[:i], append([]nearness{n}, found[i:]...)...)
	}
	return found
}

// nearness is how near something was talked of.
//
// length 6 is that of the bare word "code": it announces a number of six digits, or of three.
type nearness struct {
	entity Entity
	words  int
	length int
	part   bool // four digits of a card were spoken of
}

func (n nearness) nearer(o nearness) bool {
	if n.words != o.words {
		return n.words < o.words
	}
	if n.length != o.length {
		return n.length > o.length
	}
	return n.entity < o.entity
}

// owners are words before "number's" where it is the number of a telephone, and
// such as are no nouns.
var owners = set(`my her his their your the our it's that's what's here's he's she's there's`)

func join(ts []token) string {
	var b strings.Builder
	b.WriteByte(' ')
	for i, t := range ts {
		if t.filler && len(t.text) < 4 && t.text != "so" && t.text != "and" && t.text != "is" {
			continue
		}
		word := t.text
		if short, ok := strings.CutSuffix(word, "'s"); ok && (word != "number's" || i > 0 && !owners[ts[i-1].text]) && !owners[word] {
			word = short
		}
		b.WriteString(word)
		b.WriteByte(' ')
	}
	return b.String()
}

// speaksOf reports whether an entity is among those that were talked of.
func speaksOf(found []nearness, e Entity) bool {
	for _, n := range found {
		if n.entity == e {
			return true
		}
	}
	return false
}
