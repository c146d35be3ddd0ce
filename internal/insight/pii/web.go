package pii

// Addresses of the web and of mail are words with "dot" between, and lead from one
// known word to another: from what stands before an address to its last end.

// webEnds are the ends of domains that are no other words; wordEnds are such as
// are, and count behind "dot" only.
var (
	webEnds = set(`ac aero app aspx au biz ca cc ch co com coop cymru de dev dk dotcom edu es eu fr gb gov htm html info io jp lan london ltd ly mod net nhs nl nz online
		org pdf php pl plc pt sch scot se tv uk wales www xyz`)
	wordEnds = set(`art band bar bio blog boats build builders business camp cards cars chat cleaning cloud coach coffee company dance dental direct directory dog email
		equipment estate expert express family fish fitness florist flowers furniture gallery garage glass golf hair holiday horse hotel invalid kitchen land legal
		lighting limited love market marketing page party pizza place plumbing plus press property rentals repair report rocks rugby salon services ski software
		supplies surf surgery tax taxi tennis test theatre tips today tools toys trade trading training villas vip wiki wine yoga zone agency bike cafe care charity church club community design digital earth eco energy events example farm fm foundation garden gg green group guide
		health help home house ie internal jobs law lee life link live local me media money network news pet photo photos police pub rent restaurant run sale
		school shop show site social solutions space store studio support systems team tech tours travel university vet video wedding work works world`)
)

// letterEnds are ends that are spelled.
var letterEnds = set(`ai au ca cc co de es eu fr gb ie io it ly me nl nz tv uk us`)

// dot and ends are read together; tail reports where the end of a domain is that
// begins with the dot at a token, or 0.
func (d *detector) tail(i int) int {
	turn, end := d.turnOf(i), 0
	for {
		for end > 0 && i < len(d.ts) && d.turnOf(i) == turn && d.ts[i].filler && d.dot(i+1) > 0 {
			i++
		}
		n := d.dot(i)
		if n == 0 || d.turnOf(i+n) != turn {
			return end
		}
		for n < 4 && i+n+1 < len(d.ts) && d.turnOf(i+n+1) == turn && d.ts[i+n].filler && !d.ts[i+n].joined && d.endAt(i+n, true) == 0 {
			n++
		}
		k := d.endAt(i+n, d.at(i) == "dot" || d.at(i) == "." || n > 1)
		if k == 0 {
			if end == 0 { // the end may come behind another part: "dot gov dot uk", "dot office dot com"
				return 0
			}
			return end
		}
		i, end = k, k
		for webEnds[d.at(i)] && d.turnOf(i) == turn { // "co uk"
			i, end = i+1, i+1
		}
	}
}

// endAt is where an end of a domain stops that begins at a token, or 0. sure says
// that the word before surely was a dot.
func (d *detector) endAt(i int, sure bool) int {
	x := d.at(i)
	switch {
	case webEnds[x], sure && wordEnds[x]:
		return i + 1
	case d.turnOf(i+1) == d.turnOf(i) && letterEnds[d.letterAt(i)+d.letterAt(i+1)]:
		return i + 2
	case d.turnOf(i+2) == d.turnOf(i) && webEnds[d.letterAt(i)+d.letterAt(i+1)+d.letterAt(i+2)] && d.letterAt(i+2) != "":
		return i + 3
	}
	return 0
}

// letterAt is the letter that a word spells or sounds like.
func (d *detector) letterAt(i int) string {
	if i < 0 || i >= len(d.ts) {
		return ""
	}
	if t := d.ts[i]; len(t.letter) == 1 {
		return t.letter
	}
	return letterAlike[d.at(i)]
}

// turnOf is the turn of a token, -1 where there is none.
func (d *detector) turnOf(i int) int {
	if i < 0 || i >= len(d.ts) {
		return -1
	}
	return d.ts[i].turn
}

// leads are words that stand before an address and are no part of it.
var leads = set(`actually address ah and at aye bar be browser but called capitals caps case check click e-mail email emails even form from google got hang have he's
		hmm i i'm if in into is it'll it's its just like link mail me mine mine's no now off oh ok okay on one ooh open or ours out page pages portal put
		quote right said say says search see send sent she's site sites so sorry straight that's thats theirs then there there's through tried try type under
		url use via visit was website well which with words yeah yep yes you you're`)

// toLeads stand before a "to" that leads to an address; elsewhere it may be part of one.
var toLeads = set(`back directs email forward get go goes going gone here him invoice it link links listen log logged me on out over reply send sending sent straight
		stuff take taken takes that them this through up us went write you`)

// lead says that an address may begin behind a token.
func (d *detector) lead(i int) bool {
	x := d.at(i)
	switch begin := d.begins[d.ts[i].turn]; {
	case digitWords[x] != "" && (digitWords[d.at(i+1)] != "" || i > begin && digitWords[d.at(i-1)] != ""): // "one two one dot"
		return false
	case x == "and" && i > begin: // "safe and sound insurance dot com"
		return d.used[i-1] || stop[d.at(i-1)] || leads[d.at(i-1)] || d.ts[i-1].filler
	case x == "to":
		return i == begin || toLeads[d.at(i-1)]
	}
	return leads[x]
}

// prefix reports where an address begins that is begun as such: "w w w dot",
// "h t t p s colon slash slash", "triple w".
func (d *detector) prefix(i int) (end int) {
	turn := d.turnOf(i)
	w := func(k int) int { // how many words a w takes
		switch {
		case d.turnOf(k) != turn:
			return 0
		case d.at(k) == "w":
			return 1
		case (d.at(k) == "double" || d.at(k) == "dabble" || d.at(k) == "trouble") && (d.at(k+1) == "you" || d.at(k+1) == "u"):
			return 2
		case d.at(k) == "dub" || d.at(k) == "dubya":
			return 1
		}
		return 0
	}
	k := i
	switch {
	case d.at(i) == "h" && d.at(i+1) == "t" && d.at(i+2) == "t" && d.at(i+3) == "p":
		k = i + 4
		if d.at(k) == "s" {
			k++
		}
	case d.at(i) == "https", d.at(i) == "http":
		k = i + 1
	case d.at(i) == "www":
		return i + 1
	case (d.at(i) == "triple" || d.at(i) == "treble") && w(i+1) > 0:
		return i + 2
	case w(i) > 0 && w(i+w(i)) > 0:
		for w(k) > 0 {
			k += w(k)
			for d.turnOf(k) == turn && d.ts[k].filler && w(k+1) > 0 {
				k++
			}
		}
		return k
	default:
		return 0
	}
	for d.turnOf(k) == turn && (d.at(k) == "colon" || d.at(k) == "slash" || d.at(k) == "forward" || d.at(k) == "double" || d.ts[k].filler) {
		k++
	}
	if n := d.prefix2(k); n > 0 {
		return n
	}
	return k
}

// prefix2 is "w w w" behind "h t t p".
func (d *detector) prefix2(k int) int {
	if d.at(k) == "www" || d.at(k) == "w" || d.at(k) == "triple" {
		return d.prefix(k)
	}
	return 0
}

// web reports where an address of the web ends whose name begins at or before a
// dot, and where it begins; 0 if there is none.
func (d *detector) web(dot int) (from, end int) {
	if d.dot(dot) == 0 || dot == 0 || d.turnOf(dot-1) != d.turnOf(dot) {
		return 0, 0
	}
	end = d.tail(dot)
	if end == 0 { // another part first: "maps dot eastmere dot gov dot uk"
		k := dot + d.dot(dot)
		for n := 0; n < 4 && d.turnOf(k) == d.turnOf(dot) && !d.lead(k) && d.dot(k) == 0; n++ {
			k++
		}
		if k == dot+d.dot(dot) || d.dot(k) == 0 || d.at(k) == "point" && d.at(dot) == "point" && d.ts[k-1].isNumber() {
			return 0, 0
		}
		if _, end = d.web(k); end == 0 {
			return 0, 0
		}
	}
	if from = d.name(dot); from == dot && d.begins[d.ts[dot].turn] != dot {
		return 0, 0
	}
	return from, end
}

// name goes back from the first dot of an address to where its name begins:
// behind what leads there, or with its turn, or a few words before the dot.
func (d *detector) name(dot int) int {
	begin := d.begins[d.ts[dot].turn]
	for i, n := dot-1, 0; n < 7; i, n = i-1, n+1 {
		switch {
		case i < begin || d.lead(i) && !(separators[d.at(i+1)] || i > begin && separators[d.at(i-1)]) && i < dot-1:
			return i + 1
		case d.used[i]:
			return i + 1
		case d.ts[i].filler && len(d.at(i)) < 4: // a hesitation
			n--
		}
	}
	return max(begin, dot-2)
}

// path takes in what follows an end: "slash account", "slash new hyphen patient".
func (d *detector) path(end int) int {
	turn := d.turnOf(end - 1)
	for d.turnOf(end) == turn {
		k := end
		if d.at(k) == "forward" || d.at(k) == "back" {
			k++
		}
		switch x := d.at(k); {
		case x == "slash" && d.turnOf(k+1) == turn:
			end = d.segment(k + 1)
		case (separators[x] && !dots[x] || x == "question" || x == "equals" || dots[x] && k == end && d.turnOf(k+1) == turn && webEnds[d.at(k+1)]) && d.turnOf(k+1) == turn && k == end:
			end = d.segment(k + 1)
		default:
			return end
		}
	}
	return end
}

// segment is one part of a path: what is spelled, or up to two words.
func (d *detector) segment(i int) int {
	turn, first := d.turnOf(i), i
	for d.turnOf(i) == turn && (d.ts[i].letter != "" || d.ts[i].isNumber() || d.ts[i].times != 0 || d.at(i) == "capital" || d.at(i) == "x") {
		i++
	}
	if i > first {
		return i
	}
	i++
	if d.turnOf(i) == turn && d.turnOf(i+1) != turn && !d.ts[i].filler && !stop[d.at(i)] { // the last word of the turn
		i++
	}
	return i
}

// noMail are words behind which an "at" leads to a place, or to a page.
var noMail = set(`anything are be been brochure catalogue details everything find form forms go guide here i'm in is it leaflet list live look looked looking map me
		menu more offers online order page pages policy portal prices see shop site something stuff terms that them there tickets times timetable us was we're
		web website were you`)

// mailAt finds the "at" of an address of mail before a token, where its domain
// begins; -1 if there is none.
func (d *detector) mailAt(from, dot int) int {
	for i := dot - 1; i >= max(d.begins[d.ts[dot].turn], min(from-1, dot-8)); i-- {
		if x := d.at(i); x == "at" || x == "@" {
			if i == 0 || noMail[d.at(i-1)] && !d.asksMail(i) || i < from-1 && !d.asksMail(i) && !d.localLooks(i-1) {
				return -1
			}
			return i
		}
	}
	return -1
}

func (d *detector) asksMail(i int) bool { return speaksOf(expected2(d.ts, i, mailCues), Email) }
