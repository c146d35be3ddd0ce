package destruction

import (
	"strconv"
	"time"

	"ringfence/internal/platform/paper"
)

// mostPrinted is how many recordings a page lists by id; the JSON has all.
const mostPrinted = 500

const instantForm = "2 January 2006, 15:04:05 MST"

// page writes a certificate for people.
func page(c Certificate) ([]byte, error) {
	d := paper.New("Certificate of destruction: "+c.Name, "Ringfence", c.SignedAt)
	facts := [][2]string{
		{"Certificate", c.ID},
		{"Customer", c.Name + " (" + c.Customer + ")"},
		{"Destruction", c.Run},
		{"By", words[c.By.Kind] + ", ordered by: " + c.By.OrderedBy},
	}
	for _, more := range [][2]string{{"Rule", c.By.Rule}, {"Request", c.By.Request}, {"Second person's approval", c.By.Approval}, {"In place of", c.Corrects}} {
		if more[1] != "" {
			facts = append(facts, more)
		}
	}
	facts = append(facts,
		[2]string{"Ordered", c.Ordered.Format(instantForm)}, [2]string{"Ended", c.Ended.Format(instantForm)}, [2]string{"Signed", c.SignedAt.Format(instantForm)},
		[2]string{"Recordings", number(c.Total.Recordings)}, [2]string{"Keys", number(c.Total.Keys)}, [2]string{"Forms of sound", number(c.Total.Sounds)},
		[2]string{"Parts of transcripts", number(c.Total.Texts)}, [2]string{"Bytes, sealed", strconv.FormatInt(c.Total.Bytes, 10)},
	)
	d.Facts(facts...)
	d.Heading("What became of each copy")
	var rows [][]string
	for _, one := range c.Copies {
		state := one.State
		if one.Until != nil && one.State == remaining {
			state += " until " + one.Until.UTC().Format("2 January 2006")
		}
		rows = append(rows, []string{one.What, state, one.Detail})
	}
	d.Table([]string{"Copy", "State", "What that means"}, []float64{2, 1.4, 4}, rows)
	if len(c.Stores) > 0 {
		stores(d, c.Stores)
		return d.Bytes()
	}
	d.Heading("What this says")
	d.Text("Each recording lay sealed under two keys of its own. The keys were destroyed first, in every key store: what they sealed cannot be opened from then on, wherever a copy lies, but by whom holds a copy of the keys " +
		"from before, as the table says. Then the objects, the rows and the search words were removed. The ids of the keys stand as tombstones in the key stores and in every backup made since.")
	if len(c.Boxes) > 0 {
		d.Heading("What the collectors say")
		boxes(d, c.Boxes)
	}
	if len(c.Items) > 0 {
		d.Heading("Recordings")
		items(d, c.Items)
	}
	return d.Bytes()
}

var words = map[string]string{
	"person": "a person's decision", "retention": "retention", "erasure": "a person's request for erasure", "departure": "the customer leaves", "redaction": "a redaction that replaces the original", "pseudonyms": "two persons, of the way back from pseudonyms",
}

// stores lists what was erased and kept of a person, store by store.
func stores(d *paper.Document, all []Store) {
	d.Heading("What was erased, and what was kept")
	var rows [][]string
	for _, s := range all {
		because := ""
		for n, k := range s.Kept {
			if n > 0 {
				because += "; "
			}
			because += number(k.Count) + ": " + k.Why
		}
		rows = append(rows, []string{s.Title, number(s.Erased), because})
	}
	d.Table([]string{"Store", "Erased", "Kept because"}, []float64{2, 0.8, 4.4}, rows)
	d.Text("Recordings that were erased have certificates of their own under the same destruction, with the ids of their keys.")
}

// boxes lists what each collector signed of all that it had.
func boxes(d *paper.Document, all []BoxParts) {
	var rows [][]string
	for _, b := range all {
		said, gone, rest := b.State, "", ""
		if f, err := b.words(); err == nil && len(b.Body) > 0 {
			said, gone, rest = "signed "+f.At.Format(instantForm), number(f.Gone()), number(f.Known()-f.Gone())
		}
		rows = append(rows, []string{b.Device, said, gone, rest})
	}
	d.Table([]string{"Collector", "Its word", "Gone", "Remaining"}, []float64{3.6, 2.6, 1, 1.2}, rows)
}

func items(d *paper.Document, all []Item) {
	var rows [][]string
	for n, i := range all {
		if n == mostPrinted {
			rows = append(rows, []string{"and " + number(len(all)-mostPrinted) + " more: the JSON certificate has all", "", "", ""})
			break
		}
		at, _ := time.Parse(time.RFC3339, i.At)
		rows = append(rows, []string{i.Recording, at.Format(time.DateTime), number(i.Sounds) + " / " + number(i.Texts), string(i.AtSource)})
	}
	d.Table([]string{"Recording", "Ended (UTC)", "Sound / text", "At the source"}, []float64{4, 2.2, 1.3, 1.5}, rows)
}

func number(n int) string { return strconv.Itoa(n) }
