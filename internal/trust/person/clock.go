package person

import (
	"time"
	_ "time/tzdata" // a server without the tables of time zones must count the law's months all the same
)

// Due is when the law wants an answer: a month after a request arrived, and two
// more where the time was made longer (GDPR article 12(3)). The month is counted
// by the calendar of the customer: it ends with the same day of the month at
// midnight, or with the last day where the month has no such day (Regulation
// 1182/71 article 3). Weekends and holidays, which would give a day or two more,
// are not counted on.
func Due(received time.Time, zone *time.Location, extended bool) time.Time {
	months := 1
	if extended {
		months = 3
	}
	at := received.In(zone)
	y, m, d := at.Date()
	last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, zone).Day()
	return time.Date(y, m+time.Month(months), min(d, last)+1, 0, 0, 0, 0, zone).UTC()
}

// Aware is when the authority has to know of a breach: 72 hours after somebody
// became aware of it (GDPR article 33(1)). Hours are hours, in every zone.
func Aware(at time.Time) time.Time { return at.Add(72 * time.Hour).UTC() }
