package pii

import (
	"regexp"
	"strings"
)

// dates finds days that are said with their month: of birth, or with a year.
func (d *detector) dates() {
	d.ordinalDates()
	d.expiries()
	d.namedDays()
	for i, t := range d.ts {
		if d.used[i] || monthNames[t.text] == "" {
			continue
		}
		from, to := d.dayBefore(i), i+1
		if end := d.coming(0, i+1, d.begins[t.turn+1]); from == i && end > 0 && d.asksExpiry(t.turn) {
			d.add(Date, i, end, 0.85, "a month and a year where they were asked for")
			continue
		}
		day := from < i
		if !day {
			to, day = d.dayAfter(i)
		}
		if next := i + 1; !day && speaksOf(expected(d.ts, i, i+1), Date) { // "april of thirty"
			for d.at(next) == "of" || d.at(next) == "in" {
				next++
			}
			if end := d.coming(0, next, d.begins[t.turn+1]); end > 0 {
				d.add(Date, i, end, 0.8, "a month and a year where they were asked for")
				continue
			}
		}
		if !day {
			continue
		}
		end, year := d.year(to)
		asked := speaksOf(expected(d.ts, from, min(len(d.ts), end)), Date)
		if !year && !asked {
			continue
		}
		score := 0.7
		if asked {
			score = 0.9
		}
		d.add(Date, d.weekday(from), end, score, "a day with its month")
	}
}

// ordinalDates finds "the fourteenth of the ninth eighty one".
func (d *detector) ordinalDates() {
	for i := range d.ts {
		if d.used[i] || !ordinalMonths[d.at(i)] {
			continue
		}
		from := d.before(i)
		for from >= 0 && i-from < 12 && (d.at(from) == "the" || d.at(from) == "of" || d.at(from) == "off" || pauses[d.at(from)]) {
			from = d.before(from)
		}
		if from < 0 || !ordinalWords[d.at(from)] {
			continue
		}
		turn := d.ts[from].turn
		if from > d.begins[turn] && d.ts[from-1].tens {
			from--
		}
		if from > d.begins[turn] && d.at(from-1) == "the" {
			from--
		}
		end, year := d.year(i + 1)
		if next := d.after(i); !year && next > i+1 {
			if e, on := d.year(next); on && e == d.begins[d.ts[next].turn+1] {
				end, year = e, true
			}
		}
		asked := speaksOf(expected(d.ts, from, min(len(d.ts), end)), Date)
		if !year && !asked {
			continue
		}
		d.add(Date, d.weekday(from), end, 0.8, "a day and a month by their numbers")
	}
}

// weekday takes in the day of the week before a date.
func (d *detector) weekday(from int) int {
	if i := from - 1; i >= d.begins[d.ts[from].turn] && days[d.at(i)] && !d.used[i] {
		return i
	}
	return from
}

// partsOfMonth are said of a card: "end of october".
var partsOfMonth = set(`end start beginning middle`)

var dayFigures = regexp.MustCompile(`^([0-3]?[0-9])(st|nd|rd|th)?$`)

func (d *detector) isDay(i int) bool {
	if i < 0 || i >= len(d.ts) {
		return false
	}
	t := d.ts[i]
	return ordinalWords[t.text] || t.isNumber() && len(t.digits) <= 2 || dayFigures.MatchString(t.text)
}

// dayBefore goes back over "the twenty first of".
func (d *detector) dayBefore(i int) int {
	turn, at := d.ts[i].turn, i
	j := i - 1
	for j >= d.begins[turn] && i-j < 4 && (d.at(j) == "of" || d.ts[j].filler || d.at(j) == "off" || d.at(j) == "o") {
		j--
	}
	if partsOfMonth[d.at(j)] && j >= d.begins[turn] && j < i-1 {
		return j
	}
	if j < d.begins[turn] || !d.isDay(j) {
		return at
	}
	at = j
	if j-1 >= d.begins[turn] && (d.ts[j-1].tens || d.at(j-1) == "oh") {
		at = j - 1
	}
	if at-1 >= d.begins[turn] && d.at(at-1) == "the" {
		at--
	}
	return at
}

func (d *detector) dayAfter(i int) (int, bool) {
	turn, j := d.ts[i].turn, i+1
	for j < len(d.ts) && d.ts[j].turn == turn && (d.at(j) == "the" || d.ts[j].filler) {
		j++
	}
	if j >= len(d.ts) || d.ts[j].turn != turn || !d.isDay(j) || d.at(i) == "may" && !ordinalWords[d.at(j)] && !d.ts[j].tens {
		return i + 1, false
	}
	if d.ts[j].tens && j+1 < len(d.ts) && d.ts[j+1].turn == turn && ordinalWords[d.at(j+1)] {
		j++
	}
	return j + 1, true
}

// year goes on over "nineteen eighty two", "two thousand and four" and "82".
func (d *detector) year(i int) (int, bool) {
	if i >= len(d.ts) {
		return i, false
	}
	turn, end, some := d.ts[i-1].turn, i, 0
	if i == d.begins[d.ts[i].turn] && nodding(d.ts[d.begins[turn]:d.begins[turn+1]]) {
		turn = d.ts[i].turn
	}
	for j := i; j < len(d.ts) && d.ts[j].turn == turn && j < i+7; j++ {
		t := d.ts[j]
		switch {
		case some > 0 && d.ts[j-1].tens && t.digits == "0" && d.digitAt(j+1) && d.digitAt(j+2), some > 1 && d.ts[j-2].tens && d.digitAt(j-1) && d.digitAt(j) && d.digitAt(j+1): // it is whole
			return end, true
		case t.isNumber() || t.times > 0 || t.hundred || t.text == "thousand" || t.text == "oh":
			end, some = j+1, some+1
		case t.text == "and" && some > 0 && d.at(j-1) != "thousand" && d.at(j-1) != "nineteen" && !d.ts[j-1].hundred:
			return end, true
		case some == 0 && (t.text == "it" || t.text == "is" || t.text == "it's"), t.text == "and" && d.at(j-1) == "nineteen" && j+1 < len(d.ts) && d.ts[j+1].tens:
		case t.filler || t.text == "in" || t.text == "and" || t.text == "this" && d.at(j+1) == "year" || t.text == "year" && d.at(j-1) == "this":
		case t.alike != "" && len(t.text) > 1 && some < 4 && (some > 0 || j+1 < len(d.ts) && d.at(j+1) == "thousand"):
			if !stop[t.text] || d.lastOf(j) || d.at(j+1) == "thousand" {
				end, some = j+1, some+1
			}
		default:
			return end, some > 0
		}
	}
	return end, some > 0
}

// digitAt says that a word is one digit.
func (d *detector) digitAt(i int) bool {
	return i < len(d.ts) && len(d.ts[i].digits) == 1 && !d.ts[i].tens && d.ts[i].turn == d.ts[i-1].turn
}

func (d *detector) lastOf(i int) bool { return i+1 == len(d.ts) || d.ts[i+1].turn != d.ts[i].turn }

// asDate takes a run of digits for a date where one was asked for.
func (d *detector) asDate(one run, before []nearness) bool {
	n := len(one.text)
	if len(before) == 0 || before[0].entity != Date || n < 3 || n > 9 {
		return false
	}
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	day, _, said := d.days.before(first)
	if strings.HasPrefix(d.ts[first].raw, "+") || n == 3 && said && d.talk.before[first]-d.talk.before[day.last+1] < before[0].words { // it was said already
		return false
	}
	d.add(Date, first, last+d.width(last), 0.8, "a date was asked for")
	return true
}
