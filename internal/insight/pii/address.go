package pii

import (
	"regexp"
	"strings"
)

// What engines write as one word.
var (
	mailWord   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[a-z]{2,}$`)
	urlWord    = regexp.MustCompile(`^(https?://\S+|www\.\S+|[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|co\.uk|org|org\.uk|gov\.uk|ac\.uk|net|uk|io|eu|info)(/\S*)?)$`)
	ipWord     = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$`)
	expiryWord = regexp.MustCompile(`^(0?[1-9]|1[0-2])[/-](\d{2}|20\d{2})$`)
	dateWord   = regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}[/.-](\d{2}|\d{4})$`)
)

// written finds what stands in one word.
func (d *detector) written() {
	for i, t := range d.ts {
		switch {
		case mailWord.MatchString(t.text):
			d.add(Email, i, i+1, 0.99, "written as an address")
		case ipWord.MatchString(t.text):
			d.add(IPAddress, i, i+1, 0.95, "four numbers with dots")
		case expiryWord.MatchString(t.text) && speaksOf(d.expects(i, i), Date):
			d.add(Date, i, i+1, 0.85, "a date was asked for")
		case dateWord.MatchString(t.text) && (strings.ContainsAny(t.text, "/.") || speaksOf(d.expects(i, i), Date)) && !speaksOf(d.expects(i, i), SortCode):
			d.add(Date, i, i+1, 0.9, "a day with its year")
		case urlWord.MatchString(t.text):
			d.add(URL, i, i+1, 0.95, "written as an address")
		}
	}
}

// addresses finds e-mail and web addresses that are said, and IP addresses.
func (d *detector) addresses() {
	for i := 0; i < len(d.ts); i++ {
		if d.used[i] {
			continue
		}
		if end := d.fourNumbers(i); end > 0 {
			d.add(IPAddress, i, end, 0.85, "four numbers with dots between")
			i = end - 1
			continue
		}
		if end := d.domain(i); end > 0 {
			d.address(i, end)
			i = max(i, d.path(end)-1)
			continue
		}
		if mailHosts[d.at(i)] && d.at(i-1) == "at" && d.localLooks(i-2) && d.domain(i+1) == 0 { // its end was lost
			end := i + 1
			if dots[d.at(end)] {
				end++
			}
			d.add(Email, d.local(i-2), end, 0.7, "a domain of mail")
		}
	}
}

func (d *detector) at(i int) string {
	if i < 0 || i >= len(d.ts) {
		return ""
	}
	return d.ts[i].text
}

// domain reports where "dot com", "dot co dot uk" and their like end that begin at a token.
func (d *detector) domain(i int) int {
	if !dots[d.at(i)] || !domainEnds[d.at(i+1)] || i == 0 || d.ts[i-1].turn != d.ts[i].turn || d.ts[i+1].turn != d.ts[i].turn {
		// The dot may have been lost: "gmail com".
		if !(mailHosts[d.at(i)] && domainEnds[d.at(i+1)] && d.ts[i+1].turn == d.ts[i].turn) {
			return 0
		}
	}
	end := i + 2
	for end+1 < len(d.ts) && d.ts[end].turn == d.ts[i].turn {
		switch {
		case d.ts[end].filler && dots[d.at(end+1)]:
			end++
		case dots[d.at(end)] && domainEnds[d.at(end+1)]:
			end += 2
		case domainEnds[d.at(end)]:
			end++
		default:
			return end
		}
	}
	if end < len(d.ts) && d.ts[end].turn == d.ts[i].turn && domainEnds[d.at(end)] {
		end++
	}
	return end
}

// address decides between an e-mail address and one of the web, from the dot
// that begins its end.
func (d *detector) address(dot, end int) {
	turn := d.ts[dot].turn
	host := d.host(dot, turn)
	mailish := speaksOf(expected2(d.ts, host, mailCues), Email)
	if d.at(host-1) == "at" && (mailish || d.localLooks(host-2) || mailHosts[d.at(host)]) {
		d.add(Email, d.local(host-2), end, 0.9, "somebody at a domain")
		return
	}
	known := -1
	for k := host; k < dot+1; k++ {
		if mailHosts[d.at(k)] {
			known = k
		}
	}
	if known >= 0 && (mailish || d.localLooks(known-1)) {
		d.add(Email, d.local(known-1), end, 0.75, "a domain of mail")
		return
	}
	d.add(URL, d.www(host), d.path(end), 0.8, "a domain")
}

// host goes back from a dot to where the name of a domain begins: behind what
// leads there, or at the words that are likeliest to be of it.
func (d *detector) host(dot, turn int) int {
	for host := dot - 1; host > d.begins[turn] && host >= dot-6; host-- {
		if leads[d.at(host-1)] {
			return host
		}
	}
	host := dot
	for n := 0; host > d.begins[turn] && n < 3; n++ {
		w := d.at(host - 1)
		if w == "at" || stop[w] && !separators[w] && n > 0 {
			break
		}
		host--
	}
	return host
}

// leads are words that stand before an address of the web.
var leads = set(`at to is on visit website site page into type called it's that's address open put`)

// mailboxes are those that firms have.
var mailboxes = set(`info accounts hello sales support office admin enquiries contact help billing orders bookings reception mail team jobs invoices payments service`)

var mailCues = []cue{{" email ", Email}, {" e-mail ", Email}, {" emails ", Email}, {" mail ", Email}, {" receipt ", Email}, {" invoice ", Email}, {" usual one ", Email}, {" send ", Email}}

func expected2(ts []token, at int, cs []cue) []nearness {
	text := join(ts[max(0, at-reach):at])
	for _, c := range cs {
		if strings.Contains(text, c.phrase) {
			return []nearness{{entity: c.entity}}
		}
	}
	return nil
}

// localLooks reports whether what ends at a token looks like the part before the at.
func (d *detector) localLooks(i int) bool {
	if i < 1 {
		return false
	}
	t := d.ts[i]
	return t.letter != "" || t.isNumber() || mailboxes[t.text] || separators[d.at(i-1)] || lastNames[t.text] || firstNames[t.text] || firstNames[d.at(i-1)]
}

// local goes back from the at to where the address begins, also over a turn of
// the other who only nods.
func (d *detector) local(i int) int {
	begin, words := i+1, 0
	for n := 0; i >= 0 && n < 50; n++ {
		if i+1 < len(d.ts) && d.ts[i].turn != d.ts[i+1].turn {
			turn := d.ts[i].turn
			if nodding(d.ts[d.begins[turn]:d.begins[turn+1]]) && i > 0 && n < 48 {
				i = d.begins[turn] - 1
				if d.speaker(turn) != "" && i >= 0 && d.speaker(d.ts[i].turn) == d.speaker(turn) {
					return begin
				}
			} else if d.speaker(turn) != d.speaker(d.ts[i+1].turn) || d.speaker(turn) == "" && begin <= i+1 && words > 0 {
				return begin
			}
		}
		if i < 0 {
			return begin
		}
		switch d.partOfLocal(i) {
		case 1:
			begin = i
		case 2: // a word that is no name: two of them may be
			if words++; words > 2 {
				return begin
			}
			begin = i
		case 0:
			return begin
		}
		i--
	}
	return begin
}

// partOfLocal says what a word may be in an address: 0 none of it, 1 surely a
// part, 2 perhaps, 3 in between.
func (d *detector) partOfLocal(i int) int {
	t := d.ts[i]
	spelt := i > 0 && d.ts[i-1].letter != "" && d.ts[i-1].turn == t.turn
	switch {
	case t.alike != "" && d.at(i+1) == "at" && len(t.text) > 1 && i > 0 && !stop[d.at(i-1)]: // "rose garden too at"
		return 1
	case separators[t.text], t.letter != "" && t.text != "i" && t.text != "a", t.isNumber(), t.times > 0:
		return 1
	case (t.text == "for" || t.text == "as") && spelt && strings.HasPrefix(d.at(i+1), d.ts[i-1].letter):
		return 1
	case homeLetters[t.text] && d.at(i-1) == "for":
		return 1
	case t.letter != "" && (spelt || i+1 < len(d.ts) && d.ts[i+1].letter != ""):
		return 1
	case firstNames[t.text] && !stop[t.text], lastNames[t.text] && !stop[t.text]:
		return 1
	case t.filler, t.alike != "" && i > 0 && (d.ts[i-1].isNumber() || d.ts[i-1].times != 0 || d.ts[i-1].letter != ""):
		return 3
	case stop[t.text]:
		return 0
	}
	return 2
}

// www goes back to the words that begin a web address, if it was begun with them.
func (d *detector) www(i int) int {
	turn, begin := d.ts[i].turn, i
	for j := i - 1; j >= d.begins[turn] && j >= i-11; j-- {
		switch x := d.at(j); {
		case x == "www", x == "w" && (d.at(j+1) == "w" || d.at(j-1) == "w"), (x == "double" || x == "dabble" || x == "trouble") && (d.at(j+1) == "you" || d.at(j+1) == "u"), x == "https", x == "http":
			begin = j
		}
	}
	return begin
}

// path takes in "slash account".
func (d *detector) path(end int) int {
	for end+1 < len(d.ts) {
		turn := d.ts[end-1].turn
		k := end
		if d.at(k) == "forward" || d.at(k) == "back" {
			k++
		}
		if d.at(k) != "slash" || k+1 >= len(d.ts) || d.ts[k+1].turn != turn {
			return end
		}
		end = k + 2
	}
	return end
}

// fourNumbers reports where four numbers with dots between end.
func (d *detector) fourNumbers(i int) int {
	turn, parts, digits := d.ts[i].turn, 0, 0
	if !d.ts[i].isNumber() && d.ts[i].times <= 0 {
		return 0
	}
	end := 0
	for ; i < len(d.ts); i++ {
		t := d.ts[i]
		if t.turn != turn {
			next := d.begins[t.turn+1] // it goes on after the other has nodded
			if parts >= 3 && digits > 0 || !nodding(d.ts[i:next]) || next >= len(d.ts) || !dots[d.at(next)] && !dots[d.at(i-1)] || d.speaker(d.ts[next].turn) != d.speaker(turn) {
				break
			}
			i, turn = next, d.ts[next].turn
			t = d.ts[i]
		}
		switch {
		case t.isNumber() || t.hundred || t.times > 0:
			digits++
			end = i + 1
		case dots[t.text] && digits > 0:
			parts, digits = parts+1, 0
		case t.filler, t.alike != "" && (dots[d.at(i-1)] || dots[d.at(i+1)] || digits > 0):
			if t.alike != "" {
				digits++
				end = i + 1
			}
		default:
			i = len(d.ts)
		}
	}
	if digits > 0 {
		parts++
	}
	if parts >= 4 || parts >= 3 && digits > 0 {
		return end
	}
	return 0
}
