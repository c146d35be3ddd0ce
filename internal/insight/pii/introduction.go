package pii

// sure are phrases behind which nearly anything is a name.
var sure = sayings(`my name is
	my name's
	the name is
	the name's
	name is
	name's
	names
	in the name of
	under the name
	under the name of
	full name
	first name is
	first name's
	last name is
	last name's
	surname is
	surname's
	surname
	someone called
	somebody called
	a lady called
	a man called
	a guy called
	a lad called
	called
	is called
	name of
	named
	known as
	speaking with
	speaking to
	spoke to
	spoke with
	spoken to
	talked to
	speak to
	speak with
	talk to
	put me through to
	put you through to
	through to
	ask for
	asked for
	asking for
	asking after
	behalf of
	attention of
	booked under
	booking's under
	it's under
	filed under
	down as
	call me
	calls me
	calls us
	call him
	call her
	regards to
	care of
	husband's name
	wife's name
	say it's
	tell them it's
	tell her it's
	tell him it's
	made out to
	payable to
	addressed to
	registered to`)

// perhaps are phrases behind which a name is one if something else speaks for it.
var perhaps = sayings(`it's
	its
	i'm
	i am
	this is
	you're
	you are
	they're
	is that
	is this
	that's
	that is
	it is
	he's
	she's
	thanks
	thank you
	thank you very much
	hi
	hiya
	hello
	hey
	morning
	good morning
	afternoon
	good afternoon
	evening
	cheers
	sorry
	bye
	ok
	okay
	right
	alright
	lovely
	tell
	ask
	name
	me and
	and
	with
	for
	from
	if
	it's for
	that you
	you there
	please
	oh
	no
	yes
	yeah
	so
	then
	not
	but
	there
	me
	now
	bear with me
	to`)

// kin are persons whose name often comes right behind: "my sister parminder".
var kin = set(`husband wife son daughter father mother dad mum mam mom nan nana gran granny grandad grandma brother sister uncle aunt auntie aunty partner boyfriend
	girlfriend fella friend mate colleague neighbour boss manager cousin niece nephew lad lass boy girl baby twin missus hubby carer landlord landlady tenant
	driver doctor solicitor husband's wife's son's daughter's dad's mum's mam's brother's sister's partner's friend's fella's mate's boss's stepson
	stepdaughter stepdad stepmum grandson granddaughter godson fiance fiancee ex accountant secretary assistant therapist midwife dentist
	vet plumber builder engineer technician adviser advisor consultant agent lodger flatmate bloke fellow gentleman lady patient kids boys girls`)

// leadIn are words between what leads to a name and the name.
var leadIn = set(`it's is its that's as just like to the name name's be um uh er erm mm well so yeah yes oh it's actually called being was mr mrs ms miss mister missus dr doctor
	always only still my me then`)

// introductions finds a name behind what introduces one.
func (n *namer) introductions(i int) {
	if words := n.saysOne(i, leadsName); words > 0 {
		j := i + words
		for k := 0; k < 3 && j < n.begins[n.ts[i].turn+1] && leadIn[n.at(j)] && n.like[j] < unheard; k++ {
			j++
		}
		n.introduced(i, j, true)
	}
	if words := n.saysOne(i, mayBeName); words > 0 {
		n.introduced(i, i+words, false)
	}
	if !kin[n.at(i)] {
		return
	}
	j := i + 1
	for j < n.begins[n.ts[i].turn+1] && (n.at(j) == "is" || n.at(j) == "that's" || n.at(j) == "called" || n.at(j) == "it's" || n.at(j) == "mr" || n.at(j) == "mrs" || pauses[n.at(j)]) {
		j++
	}
	if j < n.begins[n.ts[i].turn+1] && !n.used[j] && n.like[j] >= unheard && !hardly[n.at(j)] && (n.like[j] == aName || n.like[j] == unheard && !n.verbal(j) || n.given(j) && unowned(n.at(j)) == n.at(j) || n.lastWord(n.name(j)-1)) {
		n.person(j, n.name(j), 0.8, "somebody's relation or friend")
	}
}

// introduced looks for a name at a word, behind an introduction that begins at another.
func (n *namer) introduced(intro, i int, sure bool) {
	if i >= len(n.ts) || n.ts[i].turn != n.ts[intro].turn || n.used[i] || n.closes(i-1, ".?!") {
		return
	}
	j := n.initials(i)
	if j >= len(n.ts) || n.ts[j].turn != n.ts[i].turn || n.used[j] {
		return
	}
	if particles[n.at(j)] && n.like[j] < unheard && j+1 < n.begins[n.ts[i].turn+1] && n.like[j+1] >= unheard && sure {
		n.person(i, n.name(j), 0.85, "somebody introduced")
		return
	}
	if n.like[j] < unheard || j > i && n.at(i) == "a" {
		return
	}
	end := n.name(j)
	switch l := n.like[j]; {
	case sure && l == unheard && !n.verbal(j), sure && l == aName:
	case sure && l == aWord && !stop[n.at(j)] && (n.given(j) && !hardly[n.at(j)] || end > j+1 || n.lastWord(j) && n.at(intro) != "named"):
	case !sure && n.placed(j, end):
		return
	case l == aName && n.given(j) && n.at(intro) != "for", j > i && l >= unheard && j-i > 1:
	case !sure && n.firm(end):
		return
	case l == aName && (end > j+1 || n.confirmed(end)):
	case l == aWord && !hardly[n.at(j)] && !stop[n.at(j)] && vocative[n.at(intro)] && n.given(j) && n.lastWord(end-1):
	case l == aWord && !hardly[n.at(j)] && n.given(j) && n.confirmed(end):
	case l == unheard && vocative[n.at(intro)] && n.lastWord(end-1) && !n.verbal(j):
	case l >= unheard && introduces[n.at(intro)] && n.at(i-1) != "for" && !hardly[n.at(j)] && !n.verbal(j) && (end > j+1 || l == unheard && n.lastWord(end-1) || n.confirmed(end)):
	default:
		return
	}
	n.person(i, end, 0.8, "somebody introduced")
}

var (
	// vocative are words that are said to somebody.
	vocative = set(`hi hiya hello hey morning good afternoon evening thanks thank cheers sorry bye please`)
	// introduces are words with which people begin who they are.
	introduces = set(`it's i'm i this is its im you're you youre she's he's shes hes`)
)

// placed reports whether a name may as well be that of a town, and is alone.
func (n *namer) placed(i, end int) bool {
	words, _ := n.isTown(i)
	return words > 0 && end-i <= words && !firstNames[n.at(i)]
}

// confirmed reports whether what comes behind a name says that it is one: "here", "speaking".
func (n *namer) confirmed(end int) bool {
	if end >= len(n.ts) || end == n.begins[n.ts[end-1].turn+1] {
		return false
	}
	switch n.at(end) {
	case "here", "speaking", "calling", "again":
		return true
	case "from":
		return n.at(end+1) != "the" || n.at(end+2) != ""
	}
	return false
}

// verbal says of a word on no list that it looks like a form of a verb, or like
// a quality: nobody is called that.
func (n *namer) verbal(i int) bool {
	if n.like[i] != unheard || n.cased && capitalised(n.ts[i].raw) {
		return false
	}
	x := n.at(i)
	if compound(x) {
		return true
	}
	for _, end := range []string{"ing", "ed", "ly", "ish", "ous", "ful", "less", "able", "ible", "tion", "ness", "ical", "ment", "n't", "'ll", "'ve", "'d"} {
		if len(x) > len(end)+2 && x[len(x)-len(end):] == end {
			return true
		}
	}
	return false
}

// speaks finds who says that he is it: "imogen speaking", "bernie here".
func (n *namer) speaks(i int) {
	x, begin := n.at(i), n.begins[n.ts[i].turn]
	if x != "speaking" && x != "here" && x != "calling" || i == begin || n.closes(i-1, ".?!") {
		return
	}
	if next := n.at(i + 1); x == "speaking" && (next == "to" || next == "with" || next == "of") && n.ts[i+1].turn == n.ts[i].turn {
		return
	}
	j := i
	for j > begin && i-j < 3 && !n.used[j-1] && n.like[j-1] >= unheard && !hardly[n.at(j-1)] && !n.verbal(j-1) && (j == i || !n.closes(j-1, ".,?!;:")) {
		j--
	}
	if j < i && n.like[i-1] == aWord && i-j == 1 && x != "speaking" && j > begin {
		return
	}
	if j == i || x != "speaking" && j > begin && n.like[j] == unheard && !introduces[n.at(j-1)] {
		return
	}
	n.person(j, i, 0.8, "who says that he is speaking")
}
