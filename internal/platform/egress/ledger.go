package egress

import (
	"context"
	_ "embed"
	"encoding/hex"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

//go:embed ledger.sql
var schema string

// Migrations make the ledger in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 30, Name: "egress ledger", SQL: schema}}
}

// Housekeeping lists the tables that are completed without an event: the event
// was recorded when the request was about to leave.
func Housekeeping() []string { return []string{"egress_ledger"} }

// Line is one request that left the host, or was about to.
type Line struct {
	ID       id.Egress
	At       time.Time
	Engine   string
	Host     string
	Purpose  string
	Region   string
	Subject  string
	Sent     int64  // bytes of the body
	SHA256   string // of the body, in hexadecimal
	Received int64
	Status   int    // of the answer; 0: none
	Answer   string // the status, or why there is none; empty: cut off by a crash
	Took     time.Duration
}

// Page is a part of the ledger, newest first.
type Page struct {
	Items []Line
	Next  string // cursor of the next page; empty: this is the last
}

type row struct {
	ID       id.Egress `db:"id"`
	At       int64     `db:"at"`
	Engine   string    `db:"engine"`
	Host     string    `db:"host"`
	Purpose  string    `db:"purpose"`
	Region   string    `db:"region"`
	Subject  string    `db:"subject"`
	Sent     int64     `db:"sent"`
	SHA256   []byte    `db:"sha256"`
	Received int64     `db:"received"`
	Status   int64     `db:"status"`
	Answer   string    `db:"answer"`
	Millis   int64     `db:"millis"`
}

// List gives a page of the ledger; the empty cursor begins with the newest line.
func List(ctx context.Context, p *place.Place, cursor string, limit int) (Page, error) {
	if limit < 1 || limit > 200 {
		limit = 50
	}
	before := id.Egress{0xff} // after every real id
	if cursor != "" {
		c, err := id.Parse[id.Egress](cursor)
		if err != nil {
			return Page{}, fault.Field("query.cursor", "this cursor is not of this list; leave it out to begin anew")
		}
		before = c
	}
	var page Page
	err := p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT id, at, engine, host, purpose, region, subject, sent, sha256, received, status, answer, millis
			FROM egress_ledger WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit+1)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			page.Next = rows[limit-1].ID.String()
		}
		for _, r := range rows {
			page.Items = append(page.Items, Line{
				r.ID, time.UnixMilli(r.At).UTC(), r.Engine, r.Host, r.Purpose, r.Region, r.Subject, r.Sent,
				hex.EncodeToString(r.SHA256), r.Received, int(r.Status), r.Answer, time.Duration(r.Millis) * time.Millisecond,
			})
		}
		return nil
	})
	return page, err
}
