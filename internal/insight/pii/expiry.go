package pii

import (
	"regexp"
	"strings"
)

// asksEnd are phrases that ask until when a card is good, or from when.
var asksEnd = []string{
	" expiry ", " expires ", " expire ", " exp ", " expiration ", " end date ", " good thru ", " good through ", " good till ", " good until ", " good to ", " valid until ", " valid to ", " valid till ",
	" valid thru ", " valid through ", " valid from ", " start date ", " runs out ", " run out ", " month and year ", " month and the year ", " date on the card ", " date on it ", " date on the front ",
}

// asksDate are such as ask for a date, and may ask for another.
var asksDate = []string{" what's the date ", " whats the date ", " and the date ", " new date ", " the dates ", " date please ", " the date "}

var expiryFigures = regexp.MustCompile(`^(0?[1-9]|1[0-2])[/.-]?(2[0-9]|3[0-9]|20[23][0-9])$`)

// expiries finds months with their year where somebody asked for such, before
// digits are read as parts of numbers: "oh four slash twenty nine".
func (d *detector) expiries() {
	for turn := range d.turns {
		if !d.speaksOfDates(turn) {
			continue
		}
		said := " " + d.saidIn(turn) + " "
		ends := within(said, asksEnd)
		if !ends && !within(said, asksDate) {
			continue
		}
		at := turn + 1
		for k := 0; k < 2 && at+1 < len(d.turns) && d.numberless(at); k++ { // "of the card?"
			at++
		}
		if ends {
			d.expiryIn(turn, d.begins[turn], 12)
		}
		if at < len(d.turns) {
			d.expiryIn(at, d.begins[at], 6)
		}
		if ends && at+1 < len(d.turns) { // the other side says it again
			d.expiryIn(at+1, d.begins[at+1], 3)
		}
	}
}

// asksExpiry says that the turn before asked until when a card is good.
func (d *detector) asksExpiry(turn int) bool {
	return turn > 0 && d.speaksOfDates(turn-1) && within(" "+d.saidIn(turn-1)+" ", asksEnd)
}

// ofDates are words without which nobody asks for a month and a year.
var ofDates = set(`expiry expires expire exp expiration date dates good valid runs run year`)

func (d *detector) speaksOfDates(turn int) bool {
	for i := d.begins[turn]; i < d.begins[turn+1]; i++ {
		if ofDates[d.at(i)] {
			return true
		}
	}
	return false
}

// saidIn are the words of a turn.
func (d *detector) saidIn(turn int) string {
	var b strings.Builder
	for i := d.begins[turn]; i < d.begins[turn+1] && i < d.begins[turn]+reach; i++ {
		b.WriteString(d.at(i))
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func within(text string, phrases []string) bool {
	for _, p := range phrases {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// numberless reports whether a short turn says no number.
func (d *detector) numberless(turn int) bool {
	from, to := d.begins[turn], d.begins[turn+1]
	for i := from; i < to; i++ {
		if d.ts[i].isNumber() || ordinalMonths[d.at(i)] || monthNames[d.at(i)] != "" || d.at(i) != "" && d.at(i)[0] >= '0' && d.at(i)[0] <= '9' {
			return false
		}
	}
	return to-from < 7
}

// expiryIn looks for a month and its year within the first words of a turn.
func (d *detector) expiryIn(turn, from, words int) {
	to := d.begins[turn+1]
	for i := from; i < to && i < from+words; i++ {
		if d.used[i] || i > from && d.ts[i-1].isNumber() {
			continue
		}
		end := d.expiry(i, to)
		if end <= i || end < to && d.goesOnBehind(end) {
			continue
		}
		d.add(Date, i, end, 0.85, "a month and a year where they were asked for")
		return
	}
}

// goesOnBehind reports whether a number goes on behind a date, so that it is none.
func (d *detector) goesOnBehind(end int) bool {
	t := d.ts[end]
	return (t.isNumber() || t.times > 0) && d.at(end-1) != "" && !d.ts[end-1].tens && len(t.digits) == 1 && end+1 < len(d.ts) && d.ts[end+1].isNumber() && end+2 < len(d.ts) &&
		d.ts[end+1].turn == t.turn && d.ts[end+2].turn == t.turn && d.ts[end+2].isNumber() && end+3 < len(d.ts) && d.ts[end+3].turn == t.turn && d.ts[end+3].isNumber()
}

// expiry reports where a month and its year end that begin at a word.
func (d *detector) expiry(i, to int) int {
	if expiryFigures.MatchString(d.at(i)) {
		return i + 1
	}
	next := d.monthByNumber(i, to)
	if next == i {
		return i
	}
	for next < to && between[d.at(next)] {
		next++
	}
	return d.coming(i, next, to)
}

// between are words between a month and its year.
var between = set(`slash stroke of the dash hyphen forward over um uh er erm and year / -`)

// monthByNumber goes over "oh four", "nought four", "ten", "fourth", "04".
func (d *detector) monthByNumber(i, to int) int {
	t := d.ts[i]
	switch {
	case ordinalMonths[t.text], t.digits == "10", t.digits == "11", t.digits == "12":
		return i + 1
	case t.digits == "0" && i+1 < to && len(d.ts[i+1].digits) == 1 && d.ts[i+1].digits != "0" && !d.ts[i+1].tens:
		return i + 2
	case len(t.digits) == 2 && t.digits[0] == '0' && t.digits != "00", len(t.digits) == 1 && t.digits != "0" && !t.tens:
		return i + 1
	case t.text == "o" && i+1 < to && len(d.ts[i+1].digits) == 1 && !d.ts[i+1].tens:
		return i + 2
	}
	return i
}

// coming goes over a year from 2020 to 2039, as it is said of cards, and says
// where it ends; where there is none it gives the first argument back.
func (d *detector) coming(none, i, to int) int {
	if i >= to {
		return none
	}
	unit := func(k int) bool { return k < to && len(d.ts[k].digits) == 1 && !d.ts[k].tens && d.ts[k].digits != "0" }
	decade := func(k int) bool {
		return k < to && d.ts[k].tens && (d.ts[k].digits == "2" || d.ts[k].digits == "3")
	}
	t := d.ts[i]
	switch {
	case d.at(i) == "two" && i+1 < to && d.at(i+1) == "thousand":
		k := i + 2
		if k < to && d.at(k) == "and" {
			k++
		}
		return d.coming(none, k, to)
	case d.at(i) == "twenty" && decade(i+1):
		if unit(i + 2) {
			return i + 3
		}
		return i + 2
	case decade(i):
		if unit(i + 1) {
			return i + 2
		}
		return i + 1
	case len(t.digits) == 2 && (t.digits[0] == '2' || t.digits[0] == '3'), len(t.digits) == 4 && (strings.HasPrefix(t.digits, "202") || strings.HasPrefix(t.digits, "203")):
		return i + 1
	case (t.digits == "2" || t.digits == "3") && i+1 < to && len(d.ts[i+1].digits) == 1:
		return i + 2
	}
	return none
}

// namedDays finds "christmas day nineteen forty one".
func (d *detector) namedDays() {
	for i := range d.ts {
		if d.used[i] || !feasts[d.at(i)] {
			continue
		}
		end := i + 1
		for end < d.begins[d.ts[i].turn+1] && (d.at(end) == "day" || d.at(end) == "eve" || d.at(end) == "year" || d.at(end) == "year's" || d.at(end) == "years") {
			end++
		}
		if end == i+1 && d.at(i) != "halloween" {
			continue
		}
		if to, year := d.year(end); year {
			d.add(Date, i, to, 0.75, "a day that has a name, with its year")
		}
	}
}

var feasts = set(`christmas boxing new valentine's valentines halloween midsummer st saint`)
