package httpapi

import (
	"time"

	"ringfence/internal/trust/person"
)

// PersonRequest is what a person asks for, of what is kept of them.
type PersonRequest struct {
	ID           string            `json:"id"`
	Right        string            `json:"right" enum:"access,rectify,erase,restrict,portability,object"`
	Article      int               `json:"article" doc:"Of the GDPR"`
	State        string            `json:"state" enum:"searching,open,too-wide,erasing,answered,refused"`
	Name         string            `json:"name"`
	Identifiers  PersonIdentifiers `json:"identifiers"`
	ReceivedAt   time.Time         `json:"received_at"`
	TimeZone     string            `json:"time_zone" doc:"In whose calendar the month is counted"`
	DueAt        time.Time         `json:"due_at" doc:"The answer has to be given before"`
	Extended     string            `json:"extended" doc:"Why the time was made two months longer; empty: it was not"`
	Proof        string            `json:"proof" doc:"How it was made sure that the person is who they say"`
	CheckedAt    *time.Time        `json:"checked_at"`
	Notes        string            `json:"notes"`
	SearchNotes  []string          `json:"search_notes" doc:"What the search could not look into, or why it listed nothing"`
	OpenedAt     time.Time         `json:"opened_at"`
	EndedAt      *time.Time        `json:"ended_at"`
	Outcome      string            `json:"outcome"`
	Found        int64             `json:"found"`
	Confirmed    int64             `json:"confirmed"`
	Rejected     int64             `json:"rejected"`
	Undecided    int64             `json:"undecided"`
	Erased       int64             `json:"erased"`
	Kept         int64             `json:"kept"`
	Restricted   int64             `json:"restricted" doc:"Recordings that are only stored because of it, at present; in lists 0"`
	Objections   []string          `json:"objections" doc:"Processing that is stopped because of it, at present; in lists empty"`
	Certificates []string          `json:"certificates" doc:"Ids of the certificates of its erasure; in lists empty"`
	Certified    bool              `json:"certified" doc:"What was done about it until it was answered or refused is signed, and can be had; that takes a moment"`
}

// PersonIdentifiers are what a person is known by.
type PersonIdentifiers struct {
	Numbers    []string `json:"numbers" maxItems:"30" doc:"Telephone numbers, in any writing"`
	Emails     []string `json:"emails" maxItems:"30"`
	Names      []string `json:"names" maxItems:"30"`
	Accounts   []string `json:"accounts" maxItems:"30" doc:"Customer numbers and the like, as written or spoken"`
	Extensions []string `json:"extensions" maxItems:"30" doc:"Of somebody who works here"`
	IDs        []string `json:"ids" maxItems:"30" doc:"Ids of members, as the change log shows them"`
}

// PersonRequestPage is some requests, and where the list goes on.
type PersonRequestPage struct {
	Items      []PersonRequest `json:"items"`
	NextCursor string          `json:"next_cursor"`
}

// PersonFind is something that was found about a person.
type PersonFind struct {
	ID      string     `json:"id"`
	Store   string     `json:"store"`
	Title   string     `json:"title" doc:"Of the store"`
	Ref     string     `json:"ref" doc:"What it is: of a recording its id"`
	Label   string     `json:"label" doc:"Empty once it was erased"`
	Why     []string   `json:"why" doc:"Which identifiers were found, and where"`
	Role    string     `json:"role" doc:"calling, called, agent, spoken of, actor, or empty"`
	At      *time.Time `json:"at"`
	Verdict string     `json:"verdict" enum:",confirmed,rejected"`
	Ground  string     `json:"ground" doc:"Why somebody wants it kept, or erase"`
	Because string     `json:"because"`
	Outcome string     `json:"outcome" enum:",ordered,erased,kept"`
	Kept    string     `json:"kept" doc:"Why it was kept"`
	DoneAt  *time.Time `json:"done_at"`
}

// PersonFindPage is some finds, and where the list goes on.
type PersonFindPage struct {
	Items      []PersonFind `json:"items"`
	NextCursor string       `json:"next_cursor"`
}

// PersonPlan is what an erasure would do.
type PersonPlan struct {
	Erase     int64            `json:"erase" doc:"How many finds it erases: the number to confirm"`
	Keep      int64            `json:"keep"`
	Undecided int64            `json:"undecided"`
	Lines     []PersonPlanLine `json:"lines"`
}

// PersonPlanLine is one find of a plan.
type PersonPlanLine struct {
	FindID string `json:"find_id"`
	Title  string `json:"title"`
	Label  string `json:"label"`
	Ref    string `json:"ref"`
	Erase  bool   `json:"erase"`
	Why    string `json:"why" doc:"Why it is kept"`
}

// PersonStores is where a search looks, and where it does not need to.
type PersonStores struct {
	Stores  []PersonStore     `json:"stores"`
	Grounds map[string]string `json:"grounds" doc:"Why something may be kept although its erasure is asked for"`
	Allowed []string          `json:"allowed" doc:"For which purposes a restricted recording is opened"`
}

// PersonStore is one store that is searched.
type PersonStore struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Erases bool   `json:"erases"`
	Kept   string `json:"kept" doc:"Why nothing of it is erased"`
}

// ClosedCases says how long requests of persons and breaches are kept once they are closed.
type ClosedCases struct {
	Days int `json:"days" doc:"30 to 3660; three years unless it was chosen"`
}

// LetterDraft is a letter to a person, to be read before it is sent.
type LetterDraft struct {
	Text string `json:"text"`
}

// CountDone says how many things an act reached.
type CountDone struct {
	Count int64 `json:"count"`
}

type (
	PersonRequestPath struct {
		CustomerPath
		Request string `path:"request"`
	}
	closedCasesDueInput struct {
		CustomerPath
		Days int `query:"days" minimum:"30" maximum:"3660" required:"true"`
	}
	closedCasesInput struct {
		CustomerPath
		Body struct {
			Days    int   `json:"days" doc:"30 to 3660"`
			Confirm int64 `json:"confirm,omitempty" doc:"How many closed cases would be deleted tonight, exactly; where any would"`
		}
	}
	personList struct {
		CustomerPath
		Open   bool   `query:"open" doc:"Only those that wait for an answer"`
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	personBegin struct {
		CustomerPath
		Creating
		Body struct {
			Right       string            `json:"right" enum:"access,rectify,erase,restrict,portability,object"`
			Name        string            `json:"name" maxLength:"200" doc:"As letters address them"`
			ReceivedAt  time.Time         `json:"received_at,omitzero" required:"false" doc:"When the request arrived; now"`
			TimeZone    string            `json:"time_zone,omitempty" maxLength:"60" doc:"IANA; that of the first source"`
			Identifiers PersonIdentifiers `json:"identifiers"`
			Notes       string            `json:"notes,omitempty" maxLength:"4000"`
		}
	}
	personIdentify struct {
		PersonRequestPath
		Body struct {
			Proof string `json:"proof" maxLength:"1000" doc:"Empty takes it back"`
			Notes string `json:"notes" maxLength:"4000"`
		}
	}
	personSearch struct {
		PersonRequestPath
		Body PersonIdentifiers
	}
	personFinds struct {
		PersonRequestPath
		Cursor string `query:"cursor" maxLength:"60"`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	personDecision struct {
		PersonRequestPath
		Body struct {
			Finds   []string `json:"finds" minItems:"1" maxItems:"500"`
			Verdict string   `json:"verdict" enum:",confirmed,rejected"`
			Ground  string   `json:"ground,omitempty" enum:",erase,expression,legal-obligation,public-health,archiving,legal-claim,other-person"`
			Because string   `json:"because,omitempty" maxLength:"1000"`
		}
	}
	personErasure struct {
		PersonRequestPath
		Body struct {
			Confirm int64 `json:"confirm" doc:"The exact number that the plan erases"`
		}
	}
	personLift struct {
		PersonRequestPath
		Body struct {
			Told string `json:"told" maxLength:"500" doc:"When and how the person was told: article 18(3)"`
		}
	}
	personCorrection struct {
		PersonRequestPath
		Body struct {
			Find  string `json:"find" maxLength:"60"`
			Field string `json:"field" enum:"number,name"`
			Old   string `json:"old" maxLength:"200"`
			New   string `json:"new" maxLength:"200"`
		}
	}
	personObjection struct {
		PersonRequestPath
		Body struct {
			What []string `json:"what" maxItems:"3" doc:"Of transcription, sentiment and search; empty takes it back"`
		}
	}
	personExtension struct {
		PersonRequestPath
		Body struct {
			Reason string `json:"reason" maxLength:"1000"`
		}
	}
	personEnd struct {
		PersonRequestPath
		Body struct {
			Refused bool   `json:"refused"`
			Outcome string `json:"outcome" maxLength:"2000" doc:"How the person was answered, or why not"`
		}
	}
	personLetter struct {
		PersonRequestPath
		Kind string `query:"kind" enum:"receipt,answer,extension,refusal" default:"answer"`
	}
)

func showRequest(c person.Case) PersonRequest {
	out := PersonRequest{
		ID: c.ID.String(), Right: string(c.Right), State: string(c.State), Name: c.Subject.Name, ReceivedAt: c.ReceivedAt, TimeZone: c.Zone, DueAt: c.DueAt,
		Extended: c.Extended, Proof: c.Subject.Proof, CheckedAt: when(c.CheckedAt), Notes: c.Subject.Notes, SearchNotes: whole0(c.Notes), OpenedAt: c.OpenedAt,
		EndedAt: when(c.EndedAt), Outcome: c.Outcome, Found: c.Figures.Found, Confirmed: c.Figures.Confirmed, Rejected: c.Figures.Rejected,
		Undecided: c.Figures.Undecided, Erased: c.Figures.Erased, Kept: c.Figures.Kept, Objections: []string{}, Certificates: []string{}, Certified: c.Certified,
	}
	i := c.Subject.Identifiers
	out.Identifiers = PersonIdentifiers{whole0(i.Numbers), whole0(i.Emails), whole0(i.Names), whole0(i.Accounts), whole0(i.Extensions), whole0(i.IDs)}
	for _, r := range person.Rights {
		if r.Right == c.Right {
			out.Article = r.Article
		}
	}
	return out
}

// whole0 is a list that is never null.
func whole0(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (i PersonIdentifiers) read() person.Identifiers {
	return person.Identifiers{Numbers: i.Numbers, Emails: i.Emails, Names: i.Names, Accounts: i.Accounts, Extensions: i.Extensions, IDs: i.IDs}
}

func showFind(it person.Item) PersonFind {
	return PersonFind{
		ID: it.ID.String(), Store: it.Store, Title: it.Title, Ref: it.Ref, Label: it.Label, Why: whole0(it.Why), Role: it.Role, At: when(it.At),
		Verdict: string(it.Verdict), Ground: it.Ground, Because: it.Because, Outcome: string(it.Outcome), Kept: it.Kept, DoneAt: when(it.DoneAt),
	}
}
