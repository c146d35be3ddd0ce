package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// likeness is how much a word looks like a name by itself.
type likeness int8

const (
	noName  likeness = iota // a word of everyday talk, a number, a letter
	unheard                 // a word on no list: a name where one stands
	aWord                   // a name that is a word as well: a name where one stands
	aName                   // a name and nothing else
)

// namer looks for people and places in a conversation.
type namer struct {
	*detector
	like  []likeness
	begin []say    // of which phrases a word is the first
	bare  []string // the words without apostrophes, which some engines do not write
	cased bool     // the engine writes names with capitals
	asks  []asking

	found map[int][]Span // by turn, those that were noted
	noted int            // how many of the detector's that is
}

// newNamer reads the words of a conversation as names.
func newNamer(d *detector) *namer {
	n := &namer{detector: d, found: map[int][]Span{}, like: make([]likeness, len(d.ts)), begin: make([]say, len(d.ts)), bare: make([]string, len(d.ts)), cased: cased(d.turns)}
	for i, t := range d.ts {
		n.bare[i] = strings.ReplaceAll(t.text, "'", "")
		n.begin[i] = beginnings[n.bare[i]]
		if t.isNumber() || t.times > 0 || t.hundred || t.filler || len(t.text) < 2 {
			continue
		}
		x := unowned(t.text)
		l, ok := listed[x]
		if !ok {
			l = likened(x)
		}
		n.like[i] = n.asWritten(i, l)
	}
	n.asks = make([]asking, len(d.turns))
	for turn := range d.turns {
		n.asks[turn] = n.askedIn(turn)
	}
	return n
}

// foundIn are the findings of a turn, so far.
func (n *namer) foundIn(turn int) []Span {
	for ; n.noted < len(n.spans); n.noted++ {
		s := n.spans[n.noted]
		n.found[s.Turn] = append(n.found[s.Turn], s)
	}
	return n.found[turn]
}

// unowned is a word without what makes it an owner: "tony's".
func unowned(x string) string {
	if strings.IndexByte(x, '\'') < 0 && !strings.Contains(x, "’") {
		return x
	}
	x = strings.ReplaceAll(x, "’", "'")
	if stem, ok := strings.CutSuffix(x, "'s"); ok {
		return stem
	}
	return strings.TrimSuffix(x, "'")
}

// listed says of each word on a list how much it looks like a name.
var listed = func() map[string]likeness {
	m := map[string]likeness{}
	for _, words := range []map[string]bool{commonWords, lostMarks, stop, fillers, nods, amounts, givenNames, familyNames} {
		for x := range words {
			m[x] = likened(x)
		}
	}
	return m
}()

// likened says of a word how much it looks like a name.
func likened(x string) likeness {
	if head, tail, ok := strings.Cut(x, "-"); ok && len(x) <= longestWord && head != "" && tail != "" { // "obi-daniels"
		a, b := likened(head), likened(tail)
		if a == noName || b == noName {
			return noName
		}
		return max(a, b)
	}
	given, family := givenNames[x], familyNames[x]
	switch {
	case len(x) > longestWord || !lettersOnly(x) || days[x] || monthNames[x] != "" && x != "may" && x != "april" && x != "june":
		return noName
	case (given || family) && (len(x) < 3 || separators[x] || ambiguous[x] || alsoWords[x] || ordinary(x) || letterWords[x] != "" || monthNames[x] != ""):
		return aWord
	case given || family:
		return aName
	case ordinary(x) || separators[x] || dots[x] || letterWords[x] != "" || len(x) < 3 || firms[x]:
		return noName
	}
	return unheard
}

func lettersOnly(x string) bool {
	for _, c := range x {
		if !unicode.IsLetter(c) && c != '\'' && c != '-' {
			return false
		}
	}
	return true
}

// asWritten takes from the capital of a word, or from that it has none, what it tells.
func (n *namer) asWritten(i int, l likeness) likeness {
	if !n.cased || l == noName {
		return l
	}
	if raw := n.ts[i].raw; len(raw) < 6 && raw == strings.ToUpper(raw) { // "ISA"
		return noName
	}
	if n.first(i) {
		return l
	}
	capital := capitalised(n.ts[i].raw)
	switch {
	case !capital && l != aName:
		return noName
	case capital && l == aWord && monthNames[n.ts[i].text] == "" && !stop[n.ts[i].text]:
		return aName
	}
	return l
}

// first reports whether a word begins a sentence.
func (n *namer) first(i int) bool {
	return i == n.begins[n.ts[i].turn] || n.closes(i-1, ".?!")
}

// closes reports whether an engine wrote one of some marks behind a word.
func (n *namer) closes(i int, marks string) bool {
	w := n.turns[n.ts[i].turn].Words[n.ts[i].word].Text
	return w != "" && strings.ContainsRune(marks, rune(w[len(w)-1]))
}

// lastWord reports whether a clause ends with a word, as far as it can be seen.
func (n *namer) lastWord(i int) bool { return n.lastOf(i) || n.closes(i, ".,?!;:") }

func capitalised(x string) bool {
	c, _ := utf8.DecodeRuneInString(x)
	return unicode.IsUpper(c)
}

// cased reports whether an engine writes sentences with capitals.
func cased(turns []Turn) bool {
	with, of := 0, 0
	for _, t := range turns {
		if len(t.Words) == 0 {
			continue
		}
		of++
		if capitalised(strings.TrimLeft(t.Words[0].Text, "\"'(£+0123456789")) {
			with++
		}
	}
	return of > 0 && 2*with > of
}

// isTown reports how many words of a town begin at a word, and whether they are
// nothing else: no name of somebody, and no word.
func (n *namer) isTown(i int) (words int, sure bool) {
	x := unowned(n.at(i))
	if words := n.saysOne(i, aTown); words > 0 {
		return words, true
	}
	if !townNames[x] && !abroad[x] {
		return 0, false
	}
	if n.cased && !capitalised(n.ts[i].raw) {
		return 0, false
	}
	return 1, !ordinary(x) && n.like[i] < aWord || towns[x] && !ambiguous[x] && !ordinary(x)
}

var (
	days = set(`monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays`)

	// alsoWords are names that are words, in places where no list of common words has them.
	alsoWords = set(`ama angel art bee bibi bo chi de del don dot el gem hal hi hon ion ira jo ka kay kit la le li lo lu ma mac mai man max may mel mi min mo nam nan
		nana ng noor oz pa pat pam rap ray rio roan rod sol star su ta tad tai tam tan thi ty van vi wai win ye yi zed wan won son reg isa ken indigo magnolia coco drake april precious ha ho hu sing sang song
		long ming ping hang bang dung may's page pages seed ward wards law lawes cash park parks hull goole york paris france germany ireland wales england scotland
		holland israel jordan chad kenya china india georgia virginia asia america`)

	// firms are names that nobody has: of shops, banks and makers.
	firms = set(`asda aldi lidl tesco tescos sainsbury's sainsburys waitrose ikea argos halfords amazon netflix spotify vodafone natwest hsbc santander monzo revolut
		gmail hotmail facebook google whatsapp paypal ebay fastmail visa mastercard barclaycard worldpay wizz ryanair easyjet jet2 hermes evri dpd dhl ups fedex yodel
		deliveroo ocado morrisons waterstones greggs nando's mcdonald's wetherspoons costa starbucks primark matalan hotpoint bosch beko worcester vaillant indesit
		zanussi dyson henry toyota nissan vauxhall renault peugeot citroen skoda hyundai kia volvo mercedes audi bmw fiat honda mazda suzuki tesla hive nest ring`)
)
