package pii

// introductions are what comes right before a name.
var introductions = [][]string{
	{"my", "name", "is"},
	{"my", "name's"},
	{"name", "is"},
	{"speaking", "with"},
	{"speaking", "to"},
	{"spoke", "to"},
	{"this", "is"},
	{"called"},
	{"in", "the", "name", "of"},
	{"name", "of"},
	{"under", "the", "name"},
	{"husband's", "name"},
	{"wife's", "name"},
	{"full", "name"},
	{"i'm"},
	{"i", "am"},
	{"it's"},
	{"name"},
	{"surname", "is"},
	{"first", "name", "is"},
	{"someone", "called"},
	{"husband"},
	{"wife"},
	{"son"},
	{"daughter"},
	{"father"},
	{"mother"},
	{"dad"},
	{"mum"},
	{"brother"},
	{"sister"},
	{"partner"},
	{"friend"},
	{"colleague"},
	{"named"},
	{"call", "me"},
	{"through", "to"},
	{"speak", "to"},
	{"talk", "to"},
	{"behalf", "of"},
	{"ask", "for"},
}

// sure are introductions after which nearly anything is a name; the others need
// a word that is known as one, or a second sign.
var sure = map[string]bool{
	"my name is": true, "my name's": true, "name is": true, "in the name of": true, "husband's name": true, "wife's name": true, "surname is": true,
	"speaking with": true, "called": true, "someone called": true, "first name is": true, "full name": true, "name of": true,
}

// people finds names.
func (d *detector) people() {
	for i := range d.ts {
		switch {
		case d.used[i]:
		case titles[d.at(i)] && d.named(i+1, i, true) > i+1:
			end := d.named(i+1, i, true)
			d.add(Person, i+1, end, 0.85, "a title before it")
		case d.known(i):
			end := d.named(i, i, d.begins[d.ts[i].turn] == i && d.saysWho(i+2))
			d.add(Person, i, max(end, i+1), 0.7, "known as a name")
		}
		for _, words := range introductions {
			if d.says(i, words) {
				d.introduced(i+len(words), words)
			}
		}
	}
	d.answers()
}

func (d *detector) says(i int, words []string) bool {
	for k, w := range words {
		if d.at(i+k) != w || d.ts[i+k].turn != d.ts[i].turn {
			return false
		}
	}
	return true
}

// introduced looks for a name behind an introduction.
func (d *detector) introduced(i int, words []string) {
	for i < len(d.ts) && (d.ts[i].filler || d.at(i) == "it's" || d.at(i) == "is") {
		i++
	}
	if i >= len(d.ts) || d.used[i] {
		return
	}
	phrase := words[0]
	for _, w := range words[1:] {
		phrase += " " + w
	}
	end := d.named(i, i, true)
	if end <= i || !sure[phrase] && !firstNames[d.at(i)] && !lastNames[d.at(min(i+1, end-1))] {
		return
	}
	d.add(Person, i, end, 0.85, "somebody introduced")
}

// saysWho reports whether a name that begins a turn ends before a token:
// "chloe jennings speaking".
func (d *detector) saysWho(i int) bool {
	x := d.at(i)
	return x == "speaking" || x == "here" || x == "calling"
}

// known tells a name by itself: one that is no other word, or a first name with
// a family name behind it.
func (d *detector) known(i int) bool {
	x := d.at(i)
	next := ""
	if i+1 < len(d.ts) && d.ts[i+1].turn == d.ts[i].turn {
		next = d.at(i + 1)
	}
	switch {
	case firstNames[x] && lastNames[next] && !(ambiguous[x] && ambiguous[next]):
		return true
	case firstNames[x] && !ambiguous[x] && d.ts[i].letter == "":
		return true
	case lastNames[x] && !ambiguous[x] && !firstNames[x] && d.ts[i].letter == "" && !towns[x]:
		return true
	}
	return false
}

// named goes forward over up to two words of a name, three where the third is
// known as a family name.
func (d *detector) named(i, from int, unknown bool) int {
	end := i
	for n := 0; end < len(d.ts) && n < 3 && d.ts[end].turn == d.ts[min(from, len(d.ts)-1)].turn && !d.used[end]; n++ {
		x := d.ts[end]
		isName := firstNames[x.text] || lastNames[x.text]
		if x.filler && n == 1 && end+1 < len(d.ts) && (lastNames[d.at(end+1)] || firstNames[d.at(end+1)]) {
			end++
			continue
		}
		if !isName && (!unknown || stop[x.text] || x.isNumber() || x.filler || len(x.text) < 2 || n > 1 || x.times != 0) || isName && n > 0 && ambiguous[x.text] && stop[x.text] {
			break
		}
		if stop[x.text] && !isName || n > 1 && !lastNames[x.text] {
			break
		}
		end++
	}
	return end
}

// askedName are the words of a turn that asks for a name.
var askedName = [][]string{
	{"full", "name"},
	{"your", "name"},
	{"the", "name"},
	{"who", "am", "i", "speaking"},
	{"first", "name"},
	{"surname"},
	{"name", "on", "the", "card"},
	{"her", "name"},
	{"his", "name"},
	{"their", "name"},
	{"speaking", "to"},
	{"name", "please"},
	{"am", "i", "speaking"},
}

// wholeName takes in one more word at the end of an answer: three names, the last unknown.
func (d *detector) wholeName(end, to int) int {
	if end+1 == to && !stop[d.at(end)] && !d.ts[end].isNumber() && d.ts[end].times == 0 && !d.ts[end].filler && len(d.at(end)) > 2 {
		return to
	}
	return end
}

// widen takes the last word of an answer into a name that was known but for it.
func (d *detector) widen(turn, to int) {
	for k := range d.spans {
		s := &d.spans[k]
		end := d.begins[turn] + s.To
		if s.Turn != turn || s.Entity != Person || end >= to || d.wholeName(end, to) == end || d.used[end] {
			continue
		}
		s.To++
		s.End = d.turns[turn].Words[s.To-1].End
		d.used[end] = true
		return
	}
}

// answers finds a name in a short answer to who asked for one.
func (d *detector) answers() {
	for turn := range d.turns[:max(0, len(d.turns)-1)] {
		asks := false
		for i := d.begins[turn]; i < d.begins[turn+1]; i++ {
			for _, words := range askedName {
				asks = asks || d.says(i, words)
			}
		}
		if !asks {
			continue
		}
		from, to := d.begins[turn+1], d.begins[turn+2]
		for from < to && (d.ts[from].filler || stop[d.at(from)]) {
			from++
		}
		d.widen(turn+1, to)
		if end := d.wholeName(d.named(from, from, true), to); from < to && end > from && !d.used[from] && to-from <= 6 {
			d.add(Person, from, end, 0.75, "the answer to who asked for a name")
		}
	}
}
