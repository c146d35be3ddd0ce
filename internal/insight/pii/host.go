package pii

import "strings"

// fourNumbers reports where four numbers with dots between end that begin at a
// token, and their digits. Versions of programs look the same: what was spoken of
// decides. Where an address was asked for, a dot may have been lost.
func (d *detector) fourNumbers(i int) (int, string) {
	first := i
	if !d.ts[i].isNumber() && d.ts[i].times <= 0 && !(units[d.at(i)] && d.digitAt(i+1)) && !(d.at(i) == "a" && i+1 < len(d.ts) && d.ts[i+1].hundred) {
		return 0, ""
	}
	turn, end := d.ts[i].turn, 0
	asked := d.asksHost(i)
	parts := []string{""}
	for ; i < len(d.ts); i++ {
		t := d.ts[i]
		if t.turn != turn {
			if len(parts) < 4 && d.dot(i) > 0 && parts[len(parts)-1] != "" { // the other goes on with it
				turn = t.turn
				i--
				continue
			}
			next := d.begins[t.turn+1] // it goes on after the other has nodded
			if len(parts) >= 4 && parts[len(parts)-1] != "" || !nodding(d.ts[i:next]) || next >= len(d.ts) || d.dot(next) == 0 && d.dot(i-1) == 0 || d.speaker(d.ts[next].turn) != d.speaker(turn) {
				break
			}
			i, turn = next, d.ts[next].turn
			t = d.ts[i]
		}
		last := &parts[len(parts)-1]
		switch {
		case t.hundred:
			if next := d.behindAnd(i + 1); next.tens || len(next.digits) == 2 {
				// "two hundred and three": its tens follow
			} else if len(next.digits) == 1 && d.at(i+1) == "and" {
				*last += "0"
			} else {
				*last += "00"
			}
			end = i + 1
		case t.isNumber():
			*last += t.digits
			if t.tens && !(i+1 < len(d.ts) && len(d.ts[i+1].digits) == 1 && d.ts[i+1].turn == turn && d.ts[i+1].digits != "0") {
				*last += "0"
			}
			end = i + 1
		case t.times > 0 && i+1 < len(d.ts) && d.ts[i+1].turn == turn && d.ts[i+1].times <= 0:
			*last += strings.Repeat(d.ts[i+1].digits, t.times-1)
			end = i + 1
		case d.dot(i) > 0 && *last != "":
			parts = append(parts, "")
			i += d.dot(i) - 1
		case d.dot(i) > 0:
		case t.text == "a" && i+1 < len(d.ts) && d.ts[i+1].hundred:
			*last += "1"
		case t.alike != "" && (d.dot(i+1) > 0 || i > 0 && d.dot(i-1) > 0 || *last != "" && len(t.text) > 1 && !stop[t.text] || units[t.text] && d.digitAt(i+1)):
			*last += t.alike
			end = i + 1
		case t.filler || t.text == "space":
		case d.aside(i):
		default:
			turn = -1
		}
		if turn < 0 {
			break
		}
		if len(parts) > 5 || len(parts[len(parts)-1]) > 12 { // more than all four together have, though their dots were lost
			return 0, ""
		}
	}
	if parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	text := strings.Join(parts, "")
	switch near := d.hostBefore(first); {
	case len(parts) > 4 || len(parts) < 2:
		return 0, ""
	case near && len(text) >= 3:
		return end, text
	case d.versions(first):
		return 0, ""
	case len(parts) == 4:
		for _, p := range parts {
			if !asked && (len(p) > 3 || len(p) == 3 && p > "255") {
				return 0, ""
			}
		}
		return end, text
	case asked && (len(parts) == 3 || len(text) >= 6):
		return end, text
	}
	return 0, ""
}

// begunHost adds what was said of an address before it was said as a whole: "type in
// one nine two".
func (d *detector) begunHost(n number) {
	for i := max(0, n.first-onward); i < n.first; i++ {
		text, end := "", i
		for end < n.first && d.ts[end].turn == d.ts[i].turn && !d.used[end] && len(d.ts[end].digits) > 0 && !d.ts[end].tens {
			text += d.ts[end].digits
			end++
		}
		if whole := end >= len(d.ts) || d.ts[end].turn != d.ts[i].turn || !d.ts[end].isNumber(); whole && len(text) > 2 && strings.HasPrefix(n.text, text) && d.ts[i].turn != d.ts[n.first].turn {
			d.addTo(n.group, IPAddress, i, end, 0.6, "it was begun, and said again")
		}
		i = max(i, end-1)
	}
}

// newHost is the end of an address of the sixth version that begins at a token: at
// least two colons among letters and digits.
func (d *detector) newHost(i int) int {
	turn, end, colons := d.ts[i].turn, 0, 0
	if !d.ts[i].isNumber() && d.ts[i].letter == "" {
		return 0
	}
	for k := i; k < len(d.ts) && d.ts[k].turn == turn && k < i+60; k++ {
		switch t := d.ts[k]; {
		case t.text == "colon":
			colons, end = colons+1, k+1
		case t.isNumber() || t.letter != "":
			end = k + 1
		case t.times > 0 || t.hundred || t.text == "thousand" || t.text == "and" && d.at(k-1) == "thousand" || t.filler && t.text != "and" && t.text != "then":
		default:
			k = len(d.ts)
		}
	}
	if colons < 2 {
		return 0
	}
	return end
}

// dot is how many words a dot takes at a token, 0 if there is none.
func (d *detector) dot(i int) int {
	switch x := d.at(i); {
	case dots[x]:
		return 1
	case x == "full" && d.at(i+1) == "stop":
		return 2
	}
	return 0
}

// behindAnd is the token behind an "and".
func (d *detector) behindAnd(i int) token {
	if d.at(i) == "and" {
		i++
	}
	if i >= len(d.ts) {
		return token{}
	}
	return d.ts[i]
}

// aside says of a word within numbers with dots that they go on behind it, after
// a few words of the same person: "dot hang on it's tiny dot one".
func (d *detector) aside(i int) bool {
	for k := i + 1; k < min(len(d.ts), i+5) && d.ts[k].turn == d.ts[i].turn; k++ {
		if n := d.dot(k); n > 0 {
			return k+n < len(d.ts) && d.ts[k+n].turn == d.ts[i].turn && (d.ts[k+n].isNumber() || d.ts[k+n].alike != "")
		}
	}
	return false
}

const hostReach = 30

// asksHost says that an address of the network was spoken of, and nothing else since.
func (d *detector) asksHost(i int) bool {
	for _, n := range d.expects(i, i) {
		if n.entity == IPAddress && n.words <= hostReach {
			return true
		}
	}
	return false
}

// versions says that a version was spoken of, and no address of the network since.
func (d *detector) versions(i int) bool {
	for _, n := range d.expects(i, i) {
		switch n.entity {
		case IPAddress:
			return false
		case nothing:
			if n.version {
				return n.words <= 15
			}
		}
	}
	return false
}

// hostBefore says that numbers with dots were found shortly before.
func (d *detector) hostBefore(i int) bool {
	before, _, ok := d.hosts.before(i)
	return ok && i-before.last <= 25 && !d.talk.between(IPAddress, before.last+1, i)
}

// ofHost takes digits without dots for an address of the network, where one was
// asked for or is read back.
func (d *detector) ofHost(one run, before []nearness) bool {
	first, last := one.symbols[0].at, one.symbols[len(one.symbols)-1].at
	n, group := len(one.text), 0
	host, _, near := d.hosts.before(first)
	switch {
	case near && first-host.last <= repeated && n >= 3 && host.repeats(one.text):
		group = host.group
	case strings.HasPrefix(one.text, "192168") && n > 7 && n < 13:
	case len(before) == 0 || before[0].entity != IPAddress || before[0].words > hostReach || n > 12:
		return false
	case n >= 8, n >= 5 && (strings.HasPrefix(one.text, "192") || strings.HasPrefix(one.text, "172") || strings.HasPrefix(one.text, "10")):
	case n >= 2 && before[0].words <= 15 && d.nothingElse(first, last):
	default:
		return false
	}
	if group == 0 {
		d.groups++
		group = d.groups
	}
	d.addTo(group, IPAddress, first, last+d.width(last), 0.7, "an address of the network was spoken of")
	return true
}

// nothingElse says that the turns of a number have hardly another word.
func (d *detector) nothingElse(first, last int) bool {
	other := 0
	for i := d.begins[d.ts[first].turn]; i < d.begins[d.ts[last].turn+1]; i++ {
		if t := d.ts[i]; !t.says() && !t.filler && !nods[t.text] && d.dot(i) == 0 {
			other++
		}
	}
	return other <= 1
}
