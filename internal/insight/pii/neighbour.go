package pii

// What a word says of a number depends on the words beside it: "four digits" is
// a count, "the new one" is a thing, "for tea six" is forty six.

var (
	counted  = set(`digit digits number numbers figures letters characters blocks groups`)
	counting = set(`last first next final other`)
	pointing = set(`new that this which other old easy same right wrong only another blue white red second big little small the`)
	relating = set(`ending ends that which who we you of with on in at he she they`)
	moments  = set(`minute mo moment sec second tick`)
	groups   = set(`three four six eight ten sixteen`) // what a number has digits
	tys      = set(`tea tee ty teas tees`)
	teens    = set(`teen teens team`)
)

// neighbours goes over the words once and corrects what each was taken for.
func neighbours(ts []token, begins []int) {
	for i := range ts {
		turn := ts[i].turn
		near := func(k int) *token {
			if i+k < begins[turn] || i+k >= begins[turn+1] {
				return &token{}
			}
			return &ts[i+k]
		}
		prev, next := near(-1), near(1)
		if dividing(near(-1), &ts[i], near(1)) && (dividing(near(-3), near(-2), near(-1)) && near(-2).text == ts[i].text || dividing(near(1), near(2), near(3)) && near(2).text == ts[i].text ||
			dividing(near(-4), near(-3), near(-2)) && near(-3).text == ts[i].text || dividing(near(2), near(3), near(4)) && near(3).text == ts[i].text) {
			ts[i].alike, ts[i].filler = "", true
			continue
		}
		if prev.tens && units[ts[i].text] && (!leading[ts[i].text] || next.text == "" || next.isNumber() || dots[next.text]) { // "thirty ate"
			ts[i].digits, ts[i].alike = ts[i].alike, ""
		}
		switch t := &ts[i]; {
		case tys[next.text] && t.units() != "" && (near(2).isNumber() || t.isNumber() && next.text != "tea"):
			t.digits, t.tens, t.alike = t.units(), true, ""
			next.join()
		case teens[next.text] && t.units() != "":
			t.digits, t.alike = "1"+t.units(), ""
			next.join()
		case !t.isNumber() && t.alike == "" || len(t.digits) > 2:
		case counted[next.text] && t.isNumber() && !(next.text == "number" && t.text[0] <= '9'), // "40 52 40, number …"
			counting[prev.text] && t.isNumber() && !next.says(),
			t.isNumber() && prev.text == "of" && near(-2).text != "" && counted[near(-2).text],
			t.isNumber() && next.text == "on" && near(2).text == "the",
			groups[t.text] && prev.text == "the" && !near(-2).isNumber() && (next.text == "" || next.text == "with" || next.text == "on"),
			t.text == "one" && (moments[next.text] || relating[next.text] && !near(2).says()) && !prev.isNumber(),
			t.text == "one" && pointing[prev.text] && !next.says() && !near(-2).isNumber(),
			t.text == "oh" && prev.text == "" && next.text != "" && !next.says(): // nothing but surprise
			t.digits, t.alike = "", ""
		}
	}
}

// units are words that are a digit behind tens, leading such as are so at the end or
// before another.
var (
	units   = set(`ate hate won tree free too fife sex sicks sics heaven nein to for fore`)
	leading = set(`to for fore too free won`)
)

// dividing says that a word stands between two numbers. One that does so twice
// in a row is said for the line between them.
func dividing(prev, t, next *token) bool {
	return prev.isNumber() && !t.isNumber() && t.text != "" && dividers[t.text] && next.isNumber()
}

var dividers = set(`line lines dash stroke slash space hyphen then and dot point gap break bar`)

// units is the digit that a word may be, from two to nine.
func (t *token) units() string {
	d := t.digits + t.alike
	if t.isNumber() {
		d = t.digits
	}
	if len(d) != 1 || d < "2" || t.tens {
		return ""
	}
	return d
}

// says reports whether a word may be part of a number.
func (t *token) says() bool {
	return t.isNumber() || t.alike != "" || t.times != 0 || t.hundred || t.text == "thousand"
}

// join makes a word the end of the one before.
func (t *token) join() {
	*t = token{turn: t.turn, word: t.word, text: t.text, raw: t.raw, filler: true, joined: true}
}
