package pii

// places finds houses in streets, and towns where somebody is at home.
func (d *detector) places() {
	for i, t := range d.ts {
		if d.used[i] || !streets[t.text] {
			continue
		}
		from, ok := d.house(i)
		if !ok {
			continue
		}
		end := i + 1
		if end < len(d.ts) && d.ts[end].turn == t.turn {
			k := end
			for k < len(d.ts) && d.ts[k].turn == t.turn && (d.at(k) == "in" || d.ts[k].filler) {
				k++
			}
			if k < len(d.ts) && d.ts[k].turn == t.turn && d.town(k) {
				end = k + d.townWords(k)
			}
		} else if k := end; k+1 < len(d.ts) && d.town(k) {
			end = k + d.townWords(k)
		}
		d.add(Location, from, d.unknownTown(end), 0.85, "a house in a street")
	}
	d.asked()
	for i := range d.ts {
		if !d.used[i] && d.town(i) && d.athome(i) {
			d.add(Location, i, i+d.townWords(i), 0.6, "where somebody lives")
		}
	}
}

// unknownTown takes in one or two words behind a street, with which a turn ends
// that tells where somebody lives.
func (d *detector) unknownTown(end int) int {
	if end >= len(d.ts) || end == d.begins[d.ts[end].turn] || !d.athome(end-1) {
		return end
	}
	to := d.begins[d.ts[end].turn+1]
	if to-end > 2 {
		return end
	}
	for i := end; i < to; i++ {
		if !d.plain(i) {
			return end
		}
	}
	return to
}

// plain says of a word that it may be a name: it is no other, and no number.
func (d *detector) plain(i int) bool {
	t := d.ts[i]
	return !d.used[i] && !stop[t.text] && !nods[t.text] && !t.says() && !t.filler && !amounts[t.text] && !monthly(t.text) && !breaks[t.text] && len(t.text) > 2
}

// addressCues ask for an address, or announce one.
var addressCues = []cue{
	{" address ", Location},
	{" live at ", Location},
	{" live on ", Location},
	{" live in ", Location},
	{" lives at ", Location},
	{" lives in ", Location},
	{" moved to ", Location},
	{" moving to ", Location},
	{" deliver to ", Location},
	{" delivering to ", Location},
	{" house number ", Location},
	{" street name ", Location},
}

// asked finds a number with a name behind it where an address was asked for:
// "nine the laurels". What follows the question by more than a few words is none.
func (d *detector) asked() {
	for i := range d.ts {
		turn := d.ts[i].turn
		if d.used[i] || !d.ts[i].isNumber() || i > d.begins[turn] && d.ts[i-1].isNumber() || len(expected2(d.ts[max(0, i-12):], min(i, 12), addressCues)) == 0 {
			continue
		}
		end, stopAt := i, d.begins[turn+1]
		for end < stopAt && (d.ts[end].isNumber() || d.ts[end].hundred) {
			end++
		}
		if end < stopAt && d.at(end) == "the" {
			end++
		}
		name := end
		for end < stopAt && end-name < 3 && d.plain(end) {
			end++
		}
		if end > name && end == stopAt {
			d.add(Location, i, end, 0.6, "a number and a name where an address was asked for")
		}
	}
}

func (d *detector) town(i int) bool {
	return towns[d.at(i)] || d.at(i) == "milton" && d.at(i+1) == "keynes" || d.at(i) == "st" && d.at(i+1) == "albans"
}

func (d *detector) townWords(i int) int {
	if towns[d.at(i)] {
		return 1
	}
	return 2
}

// house goes back from the kind of street to the number of the house.
func (d *detector) house(i int) (int, bool) {
	turn, j := d.ts[i].turn, i-1
	for n := 0; j >= d.begins[turn] && n < 4 && !d.ts[j].isNumber(); n++ {
		if stop[d.at(j)] && d.at(j) != "the" && d.at(j) != "park" && d.at(j) != "high" && d.ts[j].alike == "" {
			break
		}
		j--
	}
	if j < d.begins[turn] && i > d.begins[turn] && d.ts[d.begins[turn]].isNumber() {
		j = d.begins[turn]
	}
	if j < d.begins[turn] || !d.ts[j].isNumber() {
		return d.nameless(i)
	}
	from := j
	for from-1 >= d.begins[turn] {
		t := d.ts[from-1]
		if !(t.isNumber() || t.hundred || t.times > 0 || dwellings[t.text] || t.filler && from-2 >= d.begins[turn] && (d.ts[from-2].hundred || d.ts[from-2].isNumber()) ||
			t.text == "a" && d.ts[from].hundred || t.alike != "" && from-2 >= d.begins[turn] && (d.ts[from-2].isNumber() || dwellings[d.at(from-2)])) {
			break
		}
		from--
	}
	return from, true
}

// nameless is a street without a number, where an address was asked for.
func (d *detector) nameless(i int) (int, bool) {
	turn, j := d.ts[i].turn, i
	for n := 0; n < 4 && j-1 >= d.begins[turn] && (!stop[d.at(j-1)] || d.at(j-1) == "the" || d.at(j-1) == "old" || d.at(j-1) == "new"); n++ {
		j--
	}
	return j, j < i && d.athome(j)
}

// dwellings stand before their number.
var dwellings = set(`flat number unit apartment plot suite block house room`)

var homeCues = []cue{
	{" address ", Location},
	{" live ", Location},
	{" lives ", Location},
	{" living ", Location},
	{" moved ", Location},
	{" deliver ", Location},
	{" delivery ", Location},
	{" street ", Location},
	{" property ", Location},
	{" coming to ", Location},
	{" from ", Location},
}

func (d *detector) athome(i int) bool {
	return len(expected2(d.ts[max(0, i-25):], min(i, 25), homeCues)) > 0
}
