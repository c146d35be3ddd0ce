package pii

import "strings"

// A name that was found once is one wherever it is said again, and letters read
// out beside it are how it is spelled.

// wordsOf are the words of what was found of one kind that are names, each with
// where it was said last before, or first after.
func (n *namer) wordsOf(e Entity) map[string]likeness {
	words := map[string]likeness{}
	for _, s := range n.spans {
		if s.Entity != e {
			continue
		}
		for w := s.From; w < s.To; w++ {
			i := n.begins[s.Turn] + w
			if x := unowned(n.at(i)); len(x) > 1 && n.like[i] >= unheard {
				words[x] = max(words[x], n.like[i])
			}
		}
	}
	return words
}

// samePeople finds names that were found elsewhere in the conversation.
func (n *namer) samePeople() {
	words := n.wordsOf(Person)
	for i := range n.ts {
		x := unowned(n.at(i))
		if n.used[i] || words[x] == noName || n.like[i] == noName && !(n.first(i) || !n.cased) {
			continue
		}
		end := i + 1
		for end < n.begins[n.ts[i].turn+1] && !n.used[end] && words[unowned(n.at(end))] > noName && !n.closes(end-1, ".,?!;:") {
			end++
		}
		if words[x] == aWord && end == i+1 && (hardly[x] || !n.lastWord(i) && !titles[n.at(i-1)] && !(vocative[n.at(i-1)] || n.at(i-1) == "oh" || i == n.begins[n.ts[i].turn]) || !n.given(i) && !titles[n.at(i-1)]) || n.at(i-1) == "by" || n.firm(end) {
			continue
		}
		n.person(i, end, 0.7, "a name that was said elsewhere")
	}
}

// samePlaces finds places that were found elsewhere in the conversation.
func (n *namer) samePlaces() {
	words := n.wordsOf(Location)
	for i := range n.ts {
		x := unowned(n.at(i))
		if n.used[i] || words[x] == noName || n.like[i] == aWord || n.like[i] == aName && firstNames[x] {
			continue
		}
		end := i + 1
		for end < n.begins[n.ts[i].turn+1] && !n.used[end] && words[unowned(n.at(end))] > noName {
			end++
		}
		n.add(Location, i, end, 0.6, "a place that was said elsewhere")
	}
}

// longestName is how many letters a name has at most that somebody spells.
const longestName = 40

// letters reads single letters from a word on, with "double" and "for apple"
// between, and says what they spell and where they end.
func (n *namer) letters(i int) (spells string, end int) {
	var b strings.Builder
	turn, times := n.ts[i].turn, 1
	end = i
	for j := i; j < n.begins[turn+1] && !n.used[j]; j++ {
		t := n.ts[j]
		switch {
		case b.Len() > longestName:
			return "", i
		case t.times > 0 && times == 1:
			times = t.times
		case len(t.text) == 1 && t.letter != "" || t.letter != "" && b.Len() > 0 && t.letter != t.text && len(t.letter) == 1 && n.like[j] < aName ||
			len(t.letter) == 2 && t.letter == t.text && b.Len() > 0:
			b.WriteString(strings.Repeat(t.letter, times))
			times, end = 1, j+1
			if (n.at(j+1) == "for" || n.at(j+1) == "as") && j+2 < n.begins[turn+1] && strings.HasPrefix(n.at(j+2), t.text) && len(n.at(j+2)) > 1 {
				j += 2
				end = j + 1
			}
		case t.filler && b.Len() > 0, t.text == "then" && b.Len() > 0:
		default:
			return b.String(), end
		}
	}
	return b.String(), end
}

// spelledNames finds letters that spell a name which was said shortly before or
// after, or which was asked for.
func (n *namer) spelledNames() {
	for i := 0; i < len(n.ts); i++ {
		if n.used[i] || n.ts[i].times <= 0 && (len(n.at(i)) != 1 || n.ts[i].letter == "") {
			continue
		}
		spells, end := n.letters(i)
		if len(spells) < 2 {
			continue
		}
		e, at := n.letteredName(spells, i, end)
		switch {
		case e != "":
			if at >= 0 && !n.used[at] {
				n.add(e, at, at+1, 0.7, "a name that was spelled")
			}
			n.add(e, i, end, 0.75, "letters that spell a name")
			if e == Person && end < n.begins[n.ts[i].turn+1] && n.like[end] >= unheard && !hardly[n.at(end)] && !n.verbal(end) {
				n.person(end, n.name(end), 0.7, "a name behind the letters of another")
			}
		case len(spells) > 2 && n.wasAsked(n.ts[i].turn) && n.mayBegin(i):
			n.add(Person, i, end, 0.7, "a name was asked for, and spelled")
			if end < n.begins[n.ts[i].turn+1] && n.like[end] >= unheard && !n.used[end] {
				n.person(end, n.name(end), 0.7, "the answer to who asked for a name")
			}
		}
		i = max(i, end-1)
	}
}

// wasAsked reports whether the turn before, or the one before that, asked for a name.
func (n *namer) wasAsked(turn int) bool {
	return turn > 0 && n.asks[turn-1].who || turn > 2 && n.asks[turn-3].who && n.back(turn-1)
}

// mayBegin reports whether only words that lead to an answer stand before one.
func (n *namer) mayBegin(i int) bool {
	for j := n.begins[n.ts[i].turn]; j < i; j++ {
		if !aside[n.at(j)] && !n.used[j] && n.like[j] < unheard {
			return false
		}
	}
	return true
}

// spelt is how many words lie at most between a name and its letters.
const spelt = 25

// letteredName says of which kind is what some letters spell: the word that was
// found, or one on no list right before the letters.
func (n *namer) letteredName(spells string, i, end int) (Entity, int) {
	for turn := n.ts[max(0, i-spelt)].turn; turn <= n.ts[min(len(n.ts)-1, end+spelt)].turn; turn++ {
		for _, s := range n.foundIn(turn) {
			at := n.begins[turn]
			if s.Entity != Person && s.Entity != Location || at+s.To < i-spelt || at+s.From > end+spelt {
				continue
			}
			for w := s.From; w < s.To; w++ {
				if x := unowned(n.at(at + w)); len(x) > 1 && spelling(spells, x) {
					return s.Entity, -1
				}
			}
		}
	}
	for j := i - 1; j >= n.begins[n.ts[i].turn] && i-j < 4; j-- {
		if n.like[j] >= unheard && !n.used[j] && len(spells) > 2 && spelling(spells, unowned(n.at(j))) {
			return Person, j
		}
	}
	return "", -1
}

// spelling reports whether letters spell a word, or a part of it, as far as
// engines write letters down.
func spelling(spells, x string) bool {
	x = unaccented.Replace(x)
	if spells == x || len(spells) > 1 && (strings.HasPrefix(x, spells) || strings.HasSuffix(x, spells)) {
		return true
	}
	return len(spells) > 3 && spells[0] == x[0] && abs(len(spells)-len(x)) <= 2 && common(spells, x) >= min(len(spells), len(x))-2
}

func abs(n int) int { return max(n, -n) }

// common counts the letters that two words have in common, in their order, from the left.
func common(a, b string) int {
	n, j := 0, 0
	for i := 0; i < len(a); i++ {
		for k := j; k < len(b) && k < j+3; k++ {
			if a[i] == b[k] {
				n, j = n+1, k+1
				break
			}
		}
	}
	return n
}

// unaccented takes from letters what stands above and below them.
var unaccented = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ä", "a", "å", "a", "ã", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i",
	"ó", "o", "ò", "o", "ô", "o", "ö", "o", "ø", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u", "ý", "y", "ŵ", "w", "ŷ", "y", "ç", "c", "ñ", "n", "ń", "n", "ł", "l", "ś", "s",
	"š", "s", "ž", "z", "ż", "z", "ź", "z", "č", "c", "ć", "c", "ę", "e", "ą", "a", "ß", "ss", "'", "", "-", "")
