package pii

import (
	"regexp"
	"slices"
	"strings"
)

// What is said in letters and digits.
var (
	ninoShape     = regexp.MustCompile(`[a-z]{2}[0-9o]{6}[a-d]`)
	ninoLoose     = regexp.MustCompile(`[a-z]{1,3}[0-9o]{3,8}[a-z]?`)
	postcodeShape = regexp.MustCompile(`[a-z]{1,2}[0-9]{1,2}[a-z]?[0-9][a-z]{2}`)
	postcodeLoose = regexp.MustCompile(`[a-z]{1,2}[0-9o]{1,4}[a-z]{0,3}|[0-9]{1,3}[a-z]{1,3}`)
	wholePostcode = regexp.MustCompile(`^[a-z]{1,2}[0-9]{1,2}[a-z]?[0-9][a-z]{2}$`)
	ibanBegun     = regexp.MustCompile(`[a-z]{2}[0-9o]{2}[a-z0-9]{0,30}$`)
	outwardShape  = regexp.MustCompile(`^[a-z]{1,2}[0-9]{1,2}[a-z]?$`)
	inwardShape   = regexp.MustCompile(`^[0-9][a-z]{2}$`)
	ibanShape     = regexp.MustCompile(`[a-z]{2}[0-9o]{2}[a-z0-9]{11,30}`)
	ibanLoose     = regexp.MustCompile(`[a-z0-9]{10,40}`)
)

// postcodeAreas are the letters that a postcode begins with.
var postcodeAreas = set(`ab al b ba bb bd bh bl bn br bs bt ca cb cf ch cm co cr ct cv cw da dd de dg dh dl dn dt dy e ec eh en ex fk fy g gl gu ha hd hg hp hr hs hu hx
	ig ip iv ka kt kw ky l la ld le ll ln ls lu m me mk ml n ne ng nn np nr nw ol ox pa pe ph pl po pr rg rh rm s sa se sg sk sl sm sn so sp sr ss st sw sy ta td tf
	tn tq tr ts tw ub w wa wc wd wf wn wr ws wv yo ze`)

// spelled finds IBANs, National Insurance numbers and postcodes.
func (d *detector) spelled() {
	r := &reader{ts: d.ts, begins: d.begins, speaker: d.speaker, letters: true, used: slices.Clone(d.used)}
	for _, one := range r.runs() {
		if rest := d.unused(one.symbols); len(rest) < len(one.symbols) {
			one = r.finish(rest)
		}
		for len(one.symbols) > 0 {
			if part, rest := one.firstTurn(d.ts); len(rest) > 0 && d.spelledOn(part) {
				one = r.finish(rest)
				continue
			}
			if a, ok := d.assembly(one, true); ok {
				if head := one.until(a.pieces[0].first); len(head) > 0 {
					if lead := r.finish(head); len(lead.symbols) > 0 {
						d.spelling(lead)
					}
				}
				d.putTogether(a, &d.spelt)
				one = r.finish(one.from(a.pieces[len(a.pieces)-1].to))
				continue
			}
			d.spelling(one)
			break
		}
	}
	d.tries = nil
}

// spelling decides what a run of letters and digits is. What has exactly the
// shape of something is that, whatever was asked for.
func (d *detector) spelling(one run) {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	if d.spelledOn(one) || !strings.ContainsAny(one.text, "abcdefghijklmnopqrstuvwxyz") || !strings.ContainsAny(one.text, "0123456789") || d.taken(first, last) {
		return
	}
	before := d.expects(first, last)
	if m := wholePostcode.FindString(one.text); m != "" && postcodeAreas[strings.TrimRight(m[:2], "0123456789")] && !nobodys(before) {
		d.cover(Postcode, one, 0, len(one.text), 0.85, "the shape of a postcode")
		return
	}
	if d.iban(one, before) || d.nino(one, before) {
		return
	}
	d.postcode(one, before)
	if !d.taken(first, last) {
		d.tries = append(d.tries, number{text: one.text, first: first, last: last})
	}
}

// spelledOn adds letters and digits that go on with what was found before, or read
// it back.
func (d *detector) spelledOn(one run) bool {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	for _, h := range []history{d.spelt, d.mails} {
		before, _, ok := h.before(first)
		if !ok || first-before.last > repeated || d.taken(first, last) {
			continue
		}
		more := d.continues(before, one) || d.inward(before, one)
		if !more && (!before.repeats(one.text) || len(one.text) == 2 && strings.HasPrefix(before.text, one.text) && before.who == d.speaker(d.ts[first].turn) || d.talk.between(before.entity, before.last+1, first) && len(one.text) < 4) {
			continue
		}
		d.addTo(before.group, before.entity, first, last+d.width(last), 0.7, "it goes on with a number before, or repeats of it")
		if more {
			before.text += one.text
		}
		before.first, before.last = first, last+d.width(last)-1
		if before.entity == Email {
			d.mails = append(d.mails, before)
			slices.SortFunc(d.mails, func(a, b number) int { return a.first - b.first })
		} else {
			d.spelt = append(d.spelt, before)
		}
		return true
	}
	return false
}

// inward says that a run is the second half of a postcode.
func (d *detector) inward(before number, one run) bool {
	first := one.symbols[0].at
	return before.entity == Postcode && outwardShape.MatchString(before.text) && inwardShape.MatchString(one.text) &&
		first-before.last <= onward && !d.talk.between(Postcode, before.last+1, first)
}

func (d *detector) iban(one run, before []nearness) bool {
	at, why, score := ibanShape.FindStringIndex(one.text), "as long as an IBAN, and begins like one", 0.6
	if at != nil && mod97(one.text[at[0]:at[1]]) {
		score, why = 0.99, "its check digits agree"
	} else if speaksOf(before, IBAN) || at == nil && ibanStart(one.text) && (speaksOf(before, BankAccount) || speaksOf(before, SortCode)) {
		if at = ibanLoose.FindStringIndex(one.text); at != nil {
			score, why = 0.85, "an IBAN was spoken of"
		} else if at = ibanBegun.FindStringIndex(one.text); at != nil && ibanLengths[one.text[at[0]:at[0]+2]] == 0 {
			at = nil
		}
	}
	if at == nil {
		return false
	}
	d.cover(IBAN, one, at[0], at[1], score, why)
	return true
}

// ibanStart says that a run begins as an IBAN does, and is no other thing.
func ibanStart(text string) bool {
	return len(text) >= 10 && ibanLengths[text[:2]] > 0 && text[2] <= '9' && text[3] <= '9' && !ninoShape.MatchString(text)
}

func (d *detector) nino(one run, before []nearness) bool {
	at := ninoShape.FindStringIndex(one.text)
	asked := speaksOf(before, NINO)
	switch {
	case at != nil && (asked || ninoPrefix(one.text[at[0]:])):
		d.cover(NINO, one, at[0], at[1], 0.9, "two letters that are given, six digits, a letter")
		return true
	case asked && !d.hasNINO(one.symbols[0].at):
		if at = ninoLoose.FindStringIndex(one.text); at != nil {
			d.cover(NINO, one, at[0], at[1], 0.75, "a National Insurance number was spoken of")
			return true
		}
	}
	return false
}

// hasNINO says that a whole National Insurance number was said shortly before.
func (d *detector) hasNINO(first int) bool {
	old, _, ok := d.spelt.before(first)
	return ok && old.entity == NINO && old.lacks() == 0
}

func (d *detector) postcode(one run, before []nearness) {
	asked := speaksOf(before, Postcode)
	at := postcodeShape.FindStringIndex(one.text)
	if !asked && nobodys(before) {
		return
	}
	if at != nil && (asked || postcodeAreas[strings.TrimRight(one.text[at[0]:min(at[0]+2, at[1])], "0123456789")]) {
		d.cover(Postcode, one, at[0], inwardAgain(one.text, at[1]), 0.85, "the shape of a postcode")
		return
	}
	if !asked {
		return
	}
	if at = postcodeLoose.FindStringIndex(one.text); at != nil && at[1]-at[0] >= 3 {
		d.cover(Postcode, one, at[0], at[1], 0.7, "a postcode was spoken of")
	}
}

// inwardAgain goes on over the last letters of a postcode that are said again, or corrected.
func inwardAgain(text string, to int) int {
	rest := text[to:]
	if len(rest) < 2 || len(rest) > 6 || strings.ContainsAny(rest, "0123456789") || rest[0] != text[to-2] && rest[1] != text[to-1] {
		return to
	}
	return len(text)
}

// readBack adds the turns further on in a run that say most of a thing again.
func (d *detector) readBack(e Entity, one run, from int, text string, group int) {
	for i := 0; i < len(one.symbols); {
		j, part := i, ""
		for ; j < len(one.symbols) && d.ts[one.symbols[j].at].turn == d.ts[one.symbols[i].at].turn; j++ {
			part += one.symbols[j].text
		}
		if first, last := one.symbols[i].at, one.symbols[j-1].at; first >= from && len(part) > 3 && (number{entity: e, text: text}).repeats(part) && !d.taken(first, last) {
			d.addTo(group, e, first, last+d.width(last), 0.6, "it goes on with a number before, or repeats of it")
		}
		i = j
	}
}

// cover adds what stands between two bytes of a run, with the words that only
// spell a letter out, and with what was repeated in between.
func (d *detector) cover(e Entity, one run, from, to int, score float64, why string) {
	if again := one.text[from:to]; from > 1 && strings.HasPrefix(one.text, again[:2]) { // it was begun, and said again
		from = 0
	}
	first, last := one.symbols[one.owner[from]].at, one.symbols[one.owner[to-1]].at
	if from == 0 { // what was begun for them belongs to it
		first = one.symbols[0].at
	}
	end := last + d.width(last)
	if end+1 < len(d.ts) && d.ts[end].turn == d.ts[last].turn && d.ts[end].text == "for" && d.ts[end+1].turn == d.ts[last].turn && d.ts[last].letter != "" &&
		strings.HasPrefix(d.ts[end+1].text, d.ts[last].letter) {
		end += 2
	}
	next := len(one.symbols) // what was repeated behind it belongs to it
	if to < len(one.owner) {
		next = one.owner[to]
	}
	if next > 0 { // else it goes on within its first word
		if at := one.symbols[next-1].at; at > last && d.ts[at].turn != d.ts[last].turn {
			end = at + d.width(at)
		}
	}
	group := d.add(e, d.begunBefore(first, true), end, score, why)
	d.readBack(e, one, end, one.text[from:to], group)
	d.spelt = append(d.spelt, number{entity: e, text: one.text[from:to], first: first, last: end - 1, group: group, who: d.speaker(d.ts[first].turn)})
	d.triedBefore(d.spelt[len(d.spelt)-1])
}
