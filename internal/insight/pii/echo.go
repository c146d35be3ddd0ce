package pii

import "strings"

// What is read back of an address is of it as well.

// remember keeps an address so that what is read back of it is found.
func (d *detector) remember(e Entity, from, end, group int) {
	d.mails = append(d.mails, number{entity: e, text: d.asWritten(from, end), words: d.asSaid(from, end), first: from, last: end - 1, group: group})
}

// asWritten is how an address is written.
func (d *detector) asWritten(from, end int) string {
	var b strings.Builder
	for i := from; i < end; i++ {
		b.WriteString(d.symbol(i))
	}
	return b.String()
}

// asSaid are its words with spaces between.
func (d *detector) asSaid(from, end int) string {
	var b strings.Builder
	for i := from; i < end; i++ {
		b.WriteString(d.symbol(i) + " ")
	}
	return b.String()
}

// symbol is what a word stands for in an address.
func (d *detector) symbol(i int) string {
	t := d.ts[i]
	switch x := t.text; {
	case x == "full" && d.at(i+1) == "stop", t.filler && !separators[x], t.times != 0:
		if t.times == 2 && i+1 < len(d.ts) {
			return d.symbol(i + 1)
		}
		return ""
	case x == "stop" && d.at(i-1) == "full", dots[x]:
		return "."
	case x == "dash" || x == "hyphen" || x == "minus":
		return "-"
	case x == "underscore":
		return "_"
	case x == "at":
		return "@"
	case x == "slash":
		return "/"
	case t.digits != "":
		if t.tens && !(i+1 < len(d.ts) && len(d.ts[i+1].digits) == 1) {
			return t.digits + "0"
		}
		return t.digits
	case len(t.letter) > 0:
		return t.letter
	default:
		return strings.ReplaceAll(x, "'", "")
	}
}

const echoing = 60 // words within which an address is read back

// echo finds what is read back of an address: letters that spell a part of it, or
// words that are one when they are put together.
func (d *detector) echo(n number) {
	for i := n.last + 1; i < min(len(d.ts), n.last+echoing); i++ {
		if d.used[i] {
			continue
		}
		text, end, letters, best := "", i, 0, 0
		for k := i; k < min(len(d.ts), i+40) && d.ts[k].turn == d.ts[i].turn && !d.used[k]; k++ {
			text += d.symbol(k)
			if !strings.Contains(n.text, text) {
				break
			}
			if d.ts[k].letter != "" {
				letters++
			}
			if d.symbol(k) == "" {
				continue
			}
			end = k + 1
			if end-i >= 2 && (len(text) >= 5 || letters >= 3) && !n.onlyEnd(text) || end-i == 1 && len(text) >= 6 && !firstNames[text] && !lastNames[text] && !stop[text] && n.split(text) {
				best = end
			}
		}
		if best > 0 {
			d.addTo(n.group, n.entity, i, best, 0.6, "it is read back")
			i = best - 1
		}
	}
}

// split says that a word is several of an address.
func (n number) split(text string) bool {
	for w := range strings.FieldsFuncSeq(n.words, func(r rune) bool { return strings.ContainsRune(".@-_/ ", r) }) {
		if strings.Contains(w, text) {
			return false
		}
	}
	return true
}

// onlyEnd says that nothing is read back but what many addresses have.
func (n number) onlyEnd(text string) bool {
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(".@-_/", r) }) {
		if !webEnds[w] && !wordEnds[w] && strings.Trim(w, "w") != "" {
			return false
		}
	}
	return true
}
