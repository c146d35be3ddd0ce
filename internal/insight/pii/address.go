package pii

import (
	"regexp"
	"strings"
)

// What engines write as one word.
var (
	mailWord   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[a-z]{2,}$`)
	urlWord    = regexp.MustCompile(`^(https?://\S+|www\.\S+|[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|co\.uk|org|org\.uk|gov\.uk|ac\.uk|net|uk|io|eu|info)(/\S*)?)$`)
	domainWord = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
	ipWord     = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$`)
	expiryWord = regexp.MustCompile(`^(0?[1-9]|1[0-2])[/-](\d{2}|20\d{2})$`)
	dateWord   = regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}[/.-](\d{2}|\d{4})$`)
)

// written finds what stands in one word.
func (d *detector) written() {
	for i, t := range d.ts {
		if !strings.ContainsAny(t.text, ".@/-") {
			continue
		}
		switch {
		case mailWord.MatchString(t.text):
			d.add(Email, i, i+1, 0.99, "written as an address")
		case ipWord.MatchString(t.text):
			d.hosts = append(d.hosts, number{entity: IPAddress, text: strings.ReplaceAll(t.text, ".", ""), first: i, last: i, group: d.add(IPAddress, i, i+1, 0.95, "four numbers with dots"), who: d.speaker(t.turn)})
		case expiryWord.MatchString(t.text) && speaksOf(d.expects(i, i), Date):
			d.add(Date, i, i+1, 0.85, "a date was asked for")
		case dateWord.MatchString(t.text) && (strings.ContainsAny(t.text, "/.") || speaksOf(d.expects(i, i), Date)) && !speaksOf(d.expects(i, i), SortCode):
			d.add(Date, i, i+1, 0.9, "a day with its year")
		case d.writtenDomain(t.text) && (d.at(i-1) == "@" || d.at(i-1) == "at" && i > 1 && !noMail[d.at(i-2)] && (d.asksMail(i) || d.localLooks(i-2))):
			from := d.local(i - 2)
			d.remember(Email, from, i+1, d.add(Email, from, i+1, 0.9, "somebody at a domain"))
		case d.writtenDomain(t.text):
			d.add(URL, i, i+1, 0.95, "written as an address")
		}
	}
}

// writtenDomain says that a word is an address of the web, or a domain.
func (d *detector) writtenDomain(x string) bool {
	host, _, _ := strings.Cut(x, "/")
	dot := strings.LastIndexByte(host, '.')
	return urlWord.MatchString(x) || dot > 0 && domainWord.MatchString(host) && (webEnds[host[dot+1:]] || wordEnds[host[dot+1:]])
}

// addresses finds e-mail and web addresses that are said, and IP addresses.
func (d *detector) addresses() {
	for i := 0; i < len(d.ts); i++ {
		if d.used[i] {
			continue
		}
		if end, text := d.fourNumbers(i); end > 0 {
			group := d.add(IPAddress, i, end, 0.85, "four numbers with dots between")
			d.hosts = append(d.hosts, number{entity: IPAddress, text: text, first: i, last: end - 1, group: group, who: d.speaker(d.ts[i].turn)})
			d.begunHost(d.hosts[len(d.hosts)-1])
			i = end - 1
			continue
		}
		if end := d.newHost(i); end > 0 {
			d.add(IPAddress, i, end, 0.8, "letters and digits with colons between")
			i = end - 1
			continue
		}
		if from, end := d.web(i); end > 0 {
			end = d.address(from, i, end)
			i = max(i, end-1)
			continue
		}
		if end := d.lostDot(i); end > 0 {
			end = d.address(d.name(i), i, end)
			i = max(i, end-1)
			continue
		}
		if end := d.begun(i); end > 0 {
			d.remember(URL, i, end, d.add(URL, i, end, 0.7, "it is begun as an address"))
			i = end - 1
			continue
		}
		if mailHosts[d.at(i)] && d.at(i-1) == "at" && d.localLooks(i-2) && d.tail(i+1) == 0 && d.tail(i+2) == 0 && (!stop[d.at(i)] && !commonHosts[d.at(i)] || d.asksMail(i)) { // its end was lost
			end := i + 1
			if dots[d.at(end)] {
				end++
			}
			from := d.local(i - 2)
			d.remember(Email, from, end, d.add(Email, from, end, 0.7, "a domain of mail"))
		}
	}
	for _, n := range d.mails {
		d.echo(n)
	}
}

// commonHosts are domains of mail that are words as well.
var commonHosts = set(`live me sky virgin mail proton outlook`)

// lostDot is the end of a known domain of mail whose dot was lost: "gmail com".
func (d *detector) lostDot(i int) int {
	if mailHosts[d.at(i)] && webEnds[d.at(i+1)] && d.turnOf(i+1) == d.turnOf(i) && d.dot(i+1) == 0 {
		if end := d.tail(i + 2); end > 0 {
			return end
		}
		return i + 2
	}
	return 0
}

// begun is an address that is begun as one of the web, and has no end: it is cut off.
func (d *detector) begun(i int) int {
	k := d.prefix(i)
	if k == 0 || d.at(i) == "w" && k-i < 3 {
		return 0
	}
	turn, name := d.turnOf(i), k
	if d.turnOf(k+d.dot(k)) != turn {
		return 0
	}
	for n := 0; d.turnOf(k) == turn && n < 12; n++ {
		switch {
		case d.dot(k) > 0 && d.turnOf(k+d.dot(k)) == turn:
			if end := d.tail(k); end > 0 {
				return d.path(end)
			}
			k += d.dot(k)
		case d.lead(k) || stop[d.at(k)] && d.dot(k-1) == 0 && !d.ts[k].isNumber():
			if k == name {
				return 0
			}
			return k
		default:
			k++
		}
	}
	return k
}

func (d *detector) at(i int) string {
	if i < 0 || i >= len(d.ts) {
		return ""
	}
	return d.ts[i].text
}

// address decides between an e-mail address and one of the web, from where its
// name begins, its first dot, and its end. It tells where it ends.
func (d *detector) address(from, dot, end int) int {
	if at := d.mailAt(from, dot); at > 0 {
		from = d.local(at - 1)
		d.remember(Email, from, end, d.add(Email, from, end, 0.9, "somebody at a domain"))
		return end
	}
	if known := d.mailHost(from, dot); known >= 0 && (d.asksMail(from) || d.localLooks(known-1)) {
		from = d.local(known - 1)
		d.remember(Email, from, end, d.add(Email, from, end, 0.75, "a domain of mail"))
		return end
	}
	if d.atBehind(end) { // "j dot co at gmail dot com"
		return dot
	}
	if from == dot { // nothing but an end: it is of an address before
		if before, _, ok := d.mails.before(from); ok && from-before.last < 30 {
			d.addTo(before.group, before.entity, from, end, 0.6, "it is read back")
		}
		return end
	}
	from, end = d.www(from), d.path(end)
	d.remember(URL, from, end, d.add(URL, from, end, 0.8, "a domain"))
	return end
}

// atBehind says that what looks like the end of a domain is only the part before an "at".
func (d *detector) atBehind(end int) bool {
	for k := end; k < min(len(d.ts), end+4) && d.turnOf(k) == d.turnOf(end-1); k++ {
		if d.at(k) == "at" && d.turnOf(k+1) == d.turnOf(k) {
			for j := k + 1; j < min(len(d.ts), k+6) && d.turnOf(j) == d.turnOf(k); j++ {
				if d.tail(j) > 0 {
					return true
				}
			}
		}
	}
	return false
}

// mailHost is the last word of a known domain of mail, or -1.
func (d *detector) mailHost(from, dot int) int {
	for k := min(dot, len(d.ts)-1); k >= from; k-- {
		if mailHosts[d.at(k)] {
			return k
		}
	}
	return -1
}

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
	begin, words, asked := i+1, 0, d.asksMail(i+1)
	for n := 0; i >= 0 && n < 50; n++ {
		if i+1 < len(d.ts) && d.ts[i].turn != d.ts[i+1].turn {
			turn := d.ts[i].turn
			if (nodding(d.ts[d.begins[turn]:d.begins[turn+1]]) || d.begins[turn+1]-d.begins[turn] == 1 && d.at(d.begins[turn]) == "oh") && i > 0 && n < 48 {
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
		part := d.partOfLocal(i)
		if part == 0 && asked && d.linksNames(i) {
			part = 2
		}
		switch part {
		case 1:
			begin = i
		case 2: // a word that is no name: two of them may be
			if words++; words > 5 {
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

// linksNames says of a small word that it stands between two of an address: "trish
// and the boys", or begins one: "the old bakery".
func (d *detector) linksNames(i int) bool {
	inner := i > d.begins[d.ts[i].turn] && !leads[d.at(i-1)] && !d.ts[i-1].filler && (!stop[d.at(i-1)] || linking[d.at(i-1)])
	switch x := d.at(i); {
	case x == "the", x == "my", x == "our":
		return true
	case linking[x]:
		return inner
	}
	return false
}

var linking = set(`and of for to no all old new one big the a`)

// partOfLocal says what a word may be in an address: 0 none of it, 1 surely a
// part, 2 perhaps, 3 in between.
func (d *detector) partOfLocal(i int) int {
	t := d.ts[i]
	spelt := i > 0 && d.ts[i-1].letter != "" && d.ts[i-1].turn == t.turn
	switch {
	case digitWords[t.text] != "" && (d.at(i+1) == "at" || d.at(i+1) == "@"), t.alike != "" && len(t.text) > 1 && i+1 < len(d.ts) && d.ts[i+1].isNumber() && d.ts[i+1].turn == t.turn:
		return 1
	case t.letter != "" && (d.at(i+1) == "for" && strings.HasPrefix(d.at(i+2), t.letter) || d.at(i+1) == "as" && d.at(i+2) == "in"):
		return 1
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
	for j := i - 1; j >= d.begins[turn] && j >= i-14; j-- {
		if d.prefix(j) > 0 {
			begin = j
		}
	}
	return begin
}
