package person

import (
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/insight/speech"
)

// spokenDigits are the words that people say for digits, and engines write.
var spokenDigits = map[string]string{
	"zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
	"six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
	"fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
}

var spokenTens = map[string]string{
	"twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9",
}

// fillers are said between the digits of one number.
var fillers = map[string]bool{"and": true, "um": true, "uh": true, "er": true, "erm": true, "then": true, "dash": true, "space": true, "plus": true, "hyphen": true}

// spokenNumber is digits that were said in one go, and from which second on.
type spokenNumber struct {
	digits string
	start  float64
}

// spokenNumbers reads the digits out of what one side said, turn after turn: a
// number that was interrupted by the other side goes on in the next turn.
func spokenNumbers(turns []speech.Turn) (all []spokenNumber) {
	run, times := "", 1
	start := 0.0
	end := func() {
		if len(run) > 2 {
			all = append(all, spokenNumber{run, start})
		}
		run, times = "", 1
	}
	add := func(d string, at float64) {
		if run == "" {
			start = at
		}
		run += strings.Repeat(d, times)
		times = 1
	}
	for _, t := range turns {
		w := words(t.Text)
		for i := 0; i < len(w); i++ {
			next := ""
			if i+1 < len(w) {
				next = w[i+1]
			}
			switch word := w[i]; {
			case word == "double":
				times = 2
			case word == "treble" || word == "triple":
				times = 3
			case word == "hundred" && run != "":
				add("00", t.Start)
			case word == "thousand" && run != "":
				add("000", t.Start)
			case spokenTens[word] != "":
				if unit := spokenDigits[next]; len(unit) == 1 && unit != "0" {
					add(spokenTens[word]+unit, t.Start)
					i++
				} else {
					add(spokenTens[word]+"0", t.Start)
				}
			case spokenDigits[word] != "":
				add(spokenDigits[word], t.Start)
			case digitsOf(word) == word:
				add(word, t.Start)
			case fillers[word] && run != "":
			default:
				end()
			}
		}
	}
	end()
	return all
}

// spoken says which identifiers were said in a transcript, where, and by whom.
func (q *Query) spoken(t speech.Transcript) (why []string) {
	note := func(what string, at float64, by speech.Speaker) {
		text := fmt.Sprintf("%s said at %d:%02d", what, int(at)/60, int(at)%60)
		if by == speech.Customer || by == speech.Agent {
			text += " by the " + string(by)
		}
		if !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	for _, turn := range t.Turns {
		for _, w := range q.In(turn.Text) {
			note(w, turn.Start, turn.Speaker)
		}
		if said := spokenAddress(turn.Text); said != "" {
			for i, e := range q.emails {
				if strings.Contains(said, compact(e)) {
					note("e-mail "+q.Emails[i], turn.Start, turn.Speaker)
				}
			}
		}
	}
	for channel, turns := range byChannel(t.Turns) {
		for _, n := range spokenNumbers(turns) {
			for _, want := range q.numbers {
				if want.within(n.digits) {
					note("number "+want.given, n.start, speakerOf(t.Turns, channel))
				}
			}
			for i, a := range q.accounts {
				if digitsOf(a) == a && strings.Contains(n.digits, a) {
					note("account "+q.Accounts[i], n.start, speakerOf(t.Turns, channel))
				}
			}
		}
	}
	return why
}

// within reports whether the number stands in digits that were said. Short ones
// are never looked for: any long number holds them.
func (n number) within(said string) bool {
	if n.short {
		return false
	}
	return slices.ContainsFunc(n.digits, func(d string) bool { return len(d) >= 7 && strings.Contains(said, d) })
}

// spokenAddress is a turn with its "at" and "dot" taken for what they stand for
// in addresses, without anything between.
func spokenAddress(text string) string {
	w := words(text)
	if !slices.Contains(w, "at") {
		return ""
	}
	return strings.Join(slices.DeleteFunc(w, func(s string) bool {
		return s == "at" || s == "dot" || s == "underscore" || s == "dash" || s == "hyphen"
	}), "")
}

func byChannel(turns []speech.Turn) map[int][]speech.Turn {
	out := map[int][]speech.Turn{}
	for _, t := range turns {
		out[t.Channel] = append(out[t.Channel], t)
	}
	return out
}

func speakerOf(turns []speech.Turn, channel int) speech.Speaker {
	for _, t := range turns {
		if t.Channel == channel {
			return t.Speaker
		}
	}
	return speech.UnknownRole
}

// searches are the queries of the index of spoken words that a recording has to
// answer, one of them at least, before its transcript is opened: the index knows
// words, and not their order.
func (q *Query) searches() (all []string) {
	add := func(parts ...string) {
		if text := strings.TrimSpace(strings.Join(parts, " ")); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, n := range q.names {
		add(n...)
	}
	for i, e := range q.emails {
		add(q.Emails[i])
		local, domain, _ := strings.Cut(e, "@")
		name, _, _ := strings.Cut(domain, ".")
		add(append(words(local), words(name)...)...)
	}
	for i, a := range q.accounts {
		add(q.Accounts[i])
		add(a)
		if digitsOf(a) == a {
			add(digitWords(a))
		}
	}
	for _, n := range q.numbers {
		if n.short {
			continue
		}
		for _, d := range n.digits {
			add(d)
			for _, cut := range groupings(d) {
				add(cut...)
			}
		}
		longest := slices.MaxFunc(n.digits, func(a, b string) int { return len(a) - len(b) })
		add(digitWords(longest[max(0, len(longest)-9):]))
	}
	return all
}

// digitWords are the words for the digits of a number that the index keeps: it
// leaves out "one", "two" and "oh", which nearly every call has.
func digitWords(digits string) string {
	names := map[rune]string{'3': "three", '4': "four", '5': "five", '6': "six", '7': "seven", '8': "eight", '9': "nine"}
	var out []string
	for _, r := range digits {
		if w := names[r]; w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	if len(out) < 2 {
		return ""
	}
	return strings.Join(out, " ")
}

// groupings are the ways in which people group a number, and engines write it.
func groupings(d string) (all [][]string) {
	for _, sizes := range [][]int{{5, 6}, {5, 3, 3}, {3, 4, 4}, {4, 3, 4}, {4, 6}, {4, 3, 3}, {3, 3, 4}, {2, 4, 4}} {
		total := 0
		for _, n := range sizes {
			total += n
		}
		if total != len(d) {
			continue
		}
		var parts []string
		at := 0
		for _, n := range sizes {
			parts = append(parts, d[at:at+n])
			at += n
		}
		all = append(all, parts)
	}
	return all
}
