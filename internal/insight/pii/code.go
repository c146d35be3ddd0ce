package pii

// scattered finds the digits of a security code that were asked for and are said
// one by one with other words in between: "two five love switch it off nine".
func (d *detector) scattered() {
	for _, m := range d.talk.said {
		turn := d.ts[m.from].turn + 1
		if m.list.entity != SecurityCode || m.list.weak || turn >= len(d.turns) || d.speaker(turn) == d.speaker(turn-1) && d.speaker(turn) != "" {
			continue
		}
		begin, end := d.begins[turn], d.begins[turn+1]
		if end-begin > 25 {
			continue
		}
		n, open := 0, false
		for i := begin; i < end; i++ {
			if t := d.ts[i]; t.isNumber() && len(t.digits) == 1 && !t.tens {
				n, open = n+1, open || !d.used[i]
			} else if t.isNumber() || t.times > 0 {
				n = 9
			}
		}
		if n < 3 || n > 5 || !open {
			continue
		}
		group := 0
		for i := begin; i < end; i++ {
			if d.used[i] || !d.ts[i].isNumber() {
				continue
			}
			if group == 0 {
				d.groups++
				group = d.groups
			}
			d.addTo(group, SecurityCode, i, i+1, 0.6, "digits of a code that was asked for")
		}
	}
}
