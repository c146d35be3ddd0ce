package pii

// asking is what a turn asks for.
type asking struct {
	who, where bool
	number     bool // of the house
	pet        bool // what an animal is called
}

// whoAsked are the words of a turn that asks for a name.
var whoAsked = sayings(`full name
	your name
	the name
	a name
	first name
	last name
	second name
	middle name
	family name
	maiden name
	name on
	her name
	his name
	their name
	patient's name
	surname
	surnames
	name please
	and name
	correct name
	what name
	name is it
	name for
	what name's
	names
	am i speaking
	i'm speaking
	speaking with
	speaking to
	talking to
	who's calling
	who is calling
	who's that
	who is that
	who's this
	who is this
	who's speaking
	who've i got
	who have i got
	who do i have
	who are you
	who is it
	who's it
	who's it for
	who am i
	who shall i
	who should i
	who do i
	who did you
	who was it
	who is she
	who is he
	who were you
	who told you
	who with
	who's your
	who is your
	what do we call
	what do you call
	what d'you call
	what are you called
	what's he called
	what's she called
	what's it under
	booked under
	signatories
	attention of
	next of kin
	account holder
	who else
	who lives
	anyone else
	spell it
	spell that
	spell your`)

// noOnes are things that have a name and are nobody.
var noOnes = set(`street road company business firm user file dog dog's dogs cat cat's horse pet pet's bank drug medication medicine tablet product brand model
	school hotel branch domain server website network wifi site shop building house pub club place town city street's road's house's practice surgery`)

var pets = set(`dog dog's cat cat's horse horse's pet pet's rabbit rabbit's puppy puppy's kitten kitten's hamster hamster's parrot parrot's`)

// whereAsked are the words of a turn that asks for a place.
var whereAsked = sayings(`address
	whereabouts
	where are you
	where do you live
	where you live
	where are we
	where do you
	where abouts
	where about
	where is it going
	where's it going
	where is he living
	where is she living
	where was he living
	where was she living
	where does he live
	where does she live
	where did you
	where you are
	where to
	going where
	coming from
	come from
	which town
	what town
	and the town
	the town
	what city
	which city
	which village
	what village
	the village
	what street
	what street's
	which street
	what road
	which road
	nearest road
	street name
	name of the street
	name of the road
	the street
	the road
	house number
	house name
	door number
	number of the house
	name of the house
	first line
	kept overnight
	where should
	where shall
	where's the
	where is the
	where's it
	where is it
	where would
	where will
	where it's
	where you're
	drop it at
	drop it off
	pick up from
	pick you up
	picking you up
	picking up from
	collect from
	collecting from
	send it
	sending it
	your details
	live at
	living at
	send it to
	deliver to
	delivered to
	delivering to
	deliver it
	property
	post it
	place of birth
	born in
	where were you
	which area
	what area
	which part
	what part
	which branch`)

// say is a set of tables of phrases.
type say uint8

const (
	asksWho   say = 1 << iota
	asksPlace     // where somebody is, or lives
	leadsName     // a name comes next
	mayBeName     // a name may come next
	aTown         // it is the name of a town itself
)

// tables are the phrases of each, and beginnings the tables in which a word begins one.
var (
	tables = map[say]map[string][][]string{asksWho: whoAsked, asksPlace: whereAsked, leadsName: sure, mayBeName: perhaps, aTown: townsOfWords}

	beginnings = func() map[string]say {
		m := map[string]say{}
		for of, all := range tables {
			for first := range all {
				m[first] |= of
			}
		}
		return m
	}()
)

// saysOne reports whether one of some phrases begins at a word, and how long it is.
func (n *namer) saysOne(i int, of say) int {
	if n.begin[i]&of == 0 {
		return 0
	}
	all := tables[of]
	for _, words := range all[n.bare[i]] {
		if n.saysBare(i, words) {
			return len(words)
		}
	}
	return 0
}

// saysBare reports whether some words without apostrophes begin at a word.
func (n *namer) saysBare(i int, words []string) bool {
	if i+len(words) > n.begins[n.ts[i].turn+1] {
		return false
	}
	for k, w := range words {
		if n.bare[i+k] != w {
			return false
		}
	}
	return true
}

// askedIn says what a turn asks for.
func (n *namer) askedIn(turn int) (a asking) {
	from, to := n.begins[turn], n.begins[turn+1]
	for i := from; i < to; i++ {
		if !a.who && n.saysOne(i, asksWho) > 0 && !n.ofNoOne(i, to) {
			a.who = true
		}
		a.where = a.where || to-from < 4 && i == to-1 && (n.at(i) == "from" && n.at(from) != "who" && n.at(i-1) != "who" || n.at(i) == "where" || to-from > 1 && n.at(i) == "to")
		a.number = a.number || n.bare[i] == "number" && i > from && (n.at(i-1) == "house" || n.at(i-1) == "door" || n.at(i-1) == "flat")
		a.who = a.who || n.asksName(i, from, to)
		a.where = a.where || n.bare[i] == "where" || n.bare[i] == "wheres" || to-from < 4 && i == to-1 && places[n.at(i)]
		a.where = a.where || i == to-1 && (n.at(i) == "live" || n.at(i) == "lives" || n.at(i) == "living" || n.at(i) == "based")
		a.pet = a.pet || pets[n.at(i)] && (n.at(i+1) == "name" || n.at(i+1) == "called")
		if !a.where && n.saysOne(i, asksPlace) > 0 && !(n.at(i) == "address" && (n.at(i-1) == "email" || n.at(i-1) == "mail" || n.at(i-1) == "ip" || n.at(i-1) == "web" || n.at(i-1) == "p")) {
			a.where = true
		}
	}
	return a
}

// places are what somebody asks for in one word.
var places = set(`road street town city village county area`)

// asksName reports whether a word asks for a name: "the child's name", "who's me",
// "and it's in the name of".
func (n *namer) asksName(i, from, to int) bool {
	switch x := n.bare[i]; {
	case x == "name" || x == "names" || x == "surname" || x == "surnames":
		return !n.ofNoOne(i, to)
	case x == "who" || x == "whos":
		return i == from && to-from < 4 || n.at(i+1) == "from" || n.at(i+1) == "by" || n.at(i+1) == "to"
	}
	words := n.saysOne(i, leadsName)
	return words > 1 && i+words == to
}

// ofNoOne reports whether a question for a name is about a thing: "the name of the street", "street name".
func (n *namer) ofNoOne(i, to int) bool {
	for k := max(0, i-2); k < min(to, i+6); k++ {
		if noOnes[n.at(k)] && n.ts[k].turn == n.ts[i].turn {
			return true
		}
	}
	return false
}
