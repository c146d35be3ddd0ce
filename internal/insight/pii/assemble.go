package pii

import (
	"slices"
	"strings"
)

// A number is put together from the pieces in which it is said, with what is read
// back, corrected and begun again in between: of all ways to understand them, one
// that makes a number of exactly the usual length is meant.

const (
	apart       = 25 // words between two pieces of one number
	mostParts   = 14
	longestText = 34  // letters and digits
	spare       = 6   // letters and digits too many, until some are taken back
	longestRun  = 300 // words of a run within which a number is looked for
)

// longest is how many letters and digits there are in a number of a kind at most.
var longest = map[Entity]int{CreditCard: 16, NHS: 10, Phone: 14, SortCode: 6, BankAccount: 8, SecurityCode: 4, NINO: 9, Postcode: 7, IBAN: longestText}

// assembled is a number with the pieces that were understood as it.
type assembled struct {
	entity Entity
	text   string
	pieces []piece
	out    uint32 // the pieces in between that are no part of it
	worth  float64
	sure   bool // nothing else was spoken of
}

// proved says that the check digit agrees.
func (a assembled) proved() bool {
	switch a.entity {
	case CreditCard:
		return Luhn(a.text)
	case NHS:
		return mod11(a.text)
	case IBAN:
		return mod97(a.text)
	}
	return false
}

// guess is a kind that a number may be of.
type guess struct {
	entity   Entity
	weak     bool    // what spoke for it may have meant something else
	least    float64 // how well it has to fit
	handicap float64
}

// assemble puts together the number of a kind that begins with the first of some pieces.
func (d *detector) assemble(g guess, ps []piece) (a assembled) {
	rs := []reading{{text: ps[0].text}}
	if !g.weak {
		rs = append(rs, ps[0].others...)
	}
	giver, last := ps[0].who, ps[0]
	for k := 0; ; k++ {
		more := k+1 < len(ps) && k+1 < mostParts && d.linked(g, ps[k], ps[k+1])
		asked := more && d.talk.mentions(g.entity, ps[k].to, ps[k+1].first)
		for _, r := range rs {
			w := fits(g.entity, r.text) - g.handicap
			if more && !asked {
				if q := ps[k+1]; g.entity != SortCode && d.goesOnWith(ps[k], q, r, giver) || q.turn == ps[k].turn && (q.again || !strings.Contains(r.text, q.text)) {
					w -= 0.7
				}
				if q := ps[k+1]; g.entity != SortCode && g.handicap > 0 && q.who == giver && !q.talk && !q.again && len(q.text) > 1 && !strings.Contains(r.text, q.text) {
					w--
				}
			}
			if w-r.cost >= max(a.worth, 0.8) && w+g.handicap >= g.least {
				a = assembled{g.entity, r.text, ps[:k+1], r.out, w - r.cost, !g.weak && g.handicap == 0}
			} else if r.text == a.text && r.out&(1<<k) == 0 && w-r.cost > 0 && len(ps[k].text) > 1 { // it is said again
				a.pieces, a.out = ps[:k+1], r.out
			}
		}
		if !more || asked && (g.weak || g.least > 0) {
			return a
		}
		var next []reading
		for _, r := range rs {
			p := ps[k+1]
			if g.weak {
				p.others = nil
			}
			next = append(next, r.goOn(k+1, p, ps[k], last, giver, asked)...)
		}
		if rs = best(next, longest[g.entity]+spare); len(rs) == 0 {
			return a
		}
		if ps[k+1].who == giver {
			last = ps[k+1]
		}
	}
}

// goesOnWith says that a number that seems to be whole goes on with the next piece.
func (d *detector) goesOnWith(p, q piece, r reading, giver string) bool {
	if q.who != giver || len(q.text) < 2 || q.talk || q.again || strings.Contains(r.text, q.text) {
		return false
	}
	return q.turn == p.turn && q.first-p.to < 2 || q.turn == p.turn+1 && giver == "" && q.first-p.to < 4 || q.turn == p.turn+2 && d.onlyNods(p.turn+1, q.turn)
}

// linked says that nothing else is talked of between two pieces.
func (d *detector) linked(g guess, p, q piece) bool {
	e, apart := g.entity, apart
	if g.least > 0 && (e == Postcode || e == NINO) {
		apart = 4
	}
	return q.first-p.to <= apart && q.turn-p.turn <= 3 && !d.talk.between(e, p.to, q.first)
}

// meant are the kinds that the number which begins with a piece may be of, the
// likeliest first.
func (d *detector) meant(p piece, letters bool) (gs []guess) {
	before := d.expects(p.first, p.to-1)
	if letters {
		return d.meantSpelt(p, before)
	}
	if d.saidSortCode(p) && !strongly(before, BankAccount) {
		gs = append(gs, guess{entity: BankAccount, weak: true})
	}
	unasked := []guess{{CreditCard, true, 3, 0.6}, {Phone, true, 3, 1.5}}
	if nobodys(before) {
		return nil
	} else if len(before) > 0 && before[0].part {
		return unasked
	}
	for _, c := range before { // "debit card number is"
		if before[0].weak && !c.weak && c.words <= before[0].words+4 {
			before = slices.DeleteFunc(before, func(n nearness) bool { return n.weak && n.words < c.words })
			break
		}
	}
	for i, c := range before {
		if c.entity == nothing {
			break
		}
		switch {
		case c.part || c.words > patience(c.entity) && (i > 0 || c.entity == SecurityCode),
			c.weak && (c.words > before[0].words || c.entity == SecurityCode || slices.ContainsFunc(before, func(o nearness) bool { return !o.weak && (o.entity == c.entity || o.words == c.words) })),
			c.entity == SortCode && d.saidSortCode(p), fullLength[c.entity] == 0 && c.entity != Phone && c.entity != CreditCard, c.entity == NINO:
		case c.entity == SortCode && i > 0 && before[i-1].words == c.words && len(gs) > 0 && gs[len(gs)-1] == guess{entity: BankAccount, weak: c.weak}: // it is said first
			gs = slices.Insert(gs, len(gs)-1, guess{entity: SortCode, weak: c.weak})
		default:
			gs = append(gs, guess{entity: c.entity, weak: c.weak})
		}
	}
	for i := range gs {
		gs[i].handicap = 0.3 * float64(i)
	}
	return append(gs, unasked...)
}

// strongly says that an entity was spoken of with words that mean nothing else.
func strongly(before []nearness, e Entity) bool {
	return slices.ContainsFunc(before, func(c nearness) bool { return c.entity == e && !c.weak })
}

// meantSpelt is meant for what is said in letters and digits.
func (d *detector) meantSpelt(p piece, before []nearness) (gs []guess) {
	for _, c := range before {
		old, _, ok := d.spelt.before(p.first)
		said := ok && old.entity == c.entity && fits(old.entity, old.text) > 0 && !d.talk.mentions(c.entity, old.last+1, p.first)
		if (c.entity == NINO || c.entity == Postcode || c.entity == IBAN) && !said {
			gs = append(gs, guess{entity: c.entity, handicap: 0.3 * float64(len(gs))})
		}
	}
	if nobodys(before) {
		return gs
	}
	return append(gs, guess{NINO, true, 3, 1}, guess{IBAN, true, 4, 1}, guess{Postcode, true, 3, 1})
}

// saidSortCode says that the number before is a whole sort code, of the same person.
func (d *detector) saidSortCode(p piece) bool {
	old, _, ok := d.past.before(p.first)
	return ok && old.entity == SortCode && old.lacks() == 0 && old.who == p.who && p.first-old.last < 30
}

// assembly finds the number that begins with one of the pieces within a run.
func (d *detector) assembly(one run, letters bool) (assembled, bool) {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	for letters && first > d.begins[d.ts[first].turn] && !d.used[first-1] && letterAlike[d.at(first-1)] != "" {
		first--
	}
	last = min(last, first+longestRun)
	ps := d.pieces(first, min(len(d.ts), last+reach), letters)
	for i, p := range ps {
		if p.first > last {
			break
		}
		if p.alike && len(p.text) < 3 || len(p.text) == 1 && p.talk || i > 0 && d.goesOnWith(ps[i-1], p, reading{}, ps[i-1].who) {
			continue
		}
		found := assembled{}
		for _, g := range d.meant(p, letters) {
			if a := d.assemble(g, ps[i:]); len(a.pieces) > 0 && a.worth > found.worth {
				found = a
			}
		}
		if len(found.pieces) == 0 && !letters && d.pair(ps[i:]) {
			return d.assemble(guess{entity: SortCode, weak: true}, ps[i:]), true
		}
		if len(found.pieces) > 1 || len(found.pieces) == 1 && i == 0 && found.sure {
			return found, true
		}
	}
	return assembled{}, false
}

// pair says that pieces are the six digits of a branch, and the eight of an account
// with nothing but a word in between, where nothing else was asked for.
func (d *detector) pair(ps []piece) bool {
	before := d.expects(ps[0].first, ps[0].to-1)
	if len(before) > 0 && !before[0].weak && before[0].words < 15 && before[0].entity != SortCode && before[0].entity != BankAccount {
		return false
	}
	code := d.assemble(guess{entity: SortCode, weak: true}, ps)
	if n := len(code.pieces); n == 0 || n == len(ps) || ps[n].who != ps[0].who || ps[n].first-ps[n-1].to > 8 {
		return false
	}
	account := d.assemble(guess{entity: BankAccount, weak: true}, ps[len(code.pieces):])
	if !speaksOf(before, SortCode) && !speaksOf(before, BankAccount) && len(code.pieces) > 1 {
		return false
	}
	return len(account.pieces) > 0
}

// putTogether adds a number that was assembled.
func (d *detector) putTogether(a assembled, past *history) {
	d.groups++
	group, first, last := d.groups, a.pieces[0].first, a.pieces[len(a.pieces)-1].to
	score, why := 0.85, "pieces that make what was asked for"
	if a.proved() {
		score, why = 0.99, "pieces that make what was asked for, and the check digit agrees"
	}
	var ps []piece
	for i, p := range a.pieces {
		if a.out&(1<<i) == 0 {
			ps = append(ps, p)
		}
	}
	if start := d.begunBefore(first, a.entity == NINO || a.entity == Postcode || a.entity == IBAN); start < first {
		ps[0].first = start
	}
	for i := 0; i < len(ps); {
		k := i + 1
		for k < len(ps) && (ps[k].turn == ps[k-1].turn && d.hesitates(ps[k-1].to, ps[k].first) ||
			ps[k].turn > ps[k-1].turn && d.onlyNods(ps[k-1].turn+1, ps[k].turn) && d.words(ps[k-1].to, d.begins[ps[k-1].turn+1]) < 2 && d.words(d.begins[ps[k].turn], ps[k].first) < 2) {
			k++
		}
		d.addTo(group, a.entity, ps[i].first, ps[k-1].to, score, why)
		i = k
	}
	n := number{entity: a.entity, text: a.text, first: first, last: last - 1, group: group, who: a.pieces[0].who}
	*past = append(*past, n)
	d.triedBefore(n)
}

// hesitates says that between two pieces of one turn nothing else is said.
func (d *detector) hesitates(from, to int) bool {
	for i := from; i < to; i++ {
		if x := d.at(i); breaks[x] && x != "is" || !d.ts[i].filler && !nods[x] && !corrections[x] && !backward(x) && to-from > 2 {
			return false
		}
	}
	return true
}

// words is how many there are that are neither hesitations nor sound like a digit.
func (d *detector) words(from, to int) (n int) {
	for i := from; i < to; i++ {
		if !d.ts[i].filler && !d.ts[i].says() {
			n++
		}
	}
	return n
}

// onlyNods says that some turns only keep the other going.
func (d *detector) onlyNods(turn, to int) bool {
	for ; turn < to; turn++ {
		if !nodding(d.ts[d.begins[turn]:d.begins[turn+1]]) {
			return false
		}
	}
	return true
}
