package httpapi

import "time"

// What settings pages show and take.

// Node is a provider, a reseller or a customer, seen from above: no content.
type Node struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind" enum:"provider,reseller,customer"`
	Name        string     `json:"name"`
	CreatedAt   time.Time  `json:"created_at"`
	SuspendedAt *time.Time `json:"suspended_at" doc:"Since when nobody enters and nothing is captured; null: it is not suspended"`
	Below       int64      `json:"below" doc:"How many nodes stand below it, at any depth"`
	Health      NodeHealth `json:"health"`
	Usage       NodeUsage  `json:"usage"`
}

// NodePage is one page of nodes.
type NodePage struct {
	Items      []Node `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// NodeDetail is one node with the way to it and what the visitor may do there.
type NodeDetail struct {
	Node
	Path []NodeName `json:"path" doc:"The nodes above it that the visitor may see, from the top"`
	Acts []string   `json:"acts" doc:"What pages may offer; each act is asked for again when it is done"`
}

// NodeName is a node by name.
type NodeName struct {
	ID   string `json:"id"`
	Kind string `json:"kind" enum:"provider,reseller,customer"`
	Name string `json:"name"`
}

// NodeHealth is how capture is doing, in figures; for a reseller, of all below it.
type NodeHealth struct {
	State          string     `json:"state" enum:"new,good,attention,suspended"`
	Attention      int64      `json:"attention" doc:"Files that need attention"`
	FailedJobs     int64      `json:"failed_jobs"`
	FailingSources int64      `json:"failing_sources" doc:"Sources that cannot be read"`
	Silent         int64      `json:"silent" doc:"Customers with a source from which nothing has come for a day"`
	Suspended      int64      `json:"suspended" doc:"Customers that are suspended"`
	LastCapturedAt *time.Time `json:"last_captured_at"`
	ReportedAt     *time.Time `json:"reported_at"`
}

// NodeUsage is how much a customer stores and uses; for a reseller, all below it.
type NodeUsage struct {
	Recordings    int64   `json:"recordings"`
	Bytes         int64   `json:"bytes"`
	Minutes       float64 `json:"minutes" doc:"Of sound that is kept"`
	Seats         int64   `json:"seats" doc:"People with a role"`
	MonthMinutes  float64 `json:"month_minutes" doc:"Captured in this calendar month (UTC)"`
	EngineSeconds float64 `json:"engine_seconds" doc:"Given to a speech engine in this calendar month (UTC)"`
}

// Usage is one customer's own figures.
type Usage struct {
	Recordings int64     `json:"recordings"`
	Bytes      int64     `json:"bytes"`
	Minutes    float64   `json:"minutes"`
	Waiting    int64     `json:"waiting" doc:"Waiting for a transcript"`
	Unverified int64     `json:"unverified" doc:"Stored, not read back yet"`
	AsOf       time.Time `json:"as_of"`
	Attention  int64     `json:"attention"`
}

// Source is where recordings come from.
type Source struct {
	ID             string         `json:"id"`
	Name           string         `json:"name"`
	Kind           string         `json:"kind" enum:"folder,collector,drop,pickup,system,siprec,import"`
	Profile        string         `json:"profile" enum:"asterisk,3cx,freeswitch,yeastar,generic"`
	Folder         string         `json:"folder" doc:"Watched folder on the server; empty for every other kind"`
	Logs           string         `json:"logs" doc:"Folder of CDR, CEL and queue_log; empty: none"`
	TimeZone       string         `json:"time_zone" doc:"IANA name, for example Europe/London"`
	Language       string         `json:"language" doc:"BCP 47; empty: not transcribed"`
	Country        string         `json:"country" doc:"ISO 3166, for reading national numbers"`
	Pattern        string         `json:"pattern" doc:"File-name pattern of the generic profile"`
	Raw            *RawFormat     `json:"raw" doc:"For files without a header"`
	After          string         `json:"after" enum:"keep,move,delete" doc:"What becomes of the source file once its receipt is verified"`
	State          string         `json:"state" enum:"waiting-for-retention,active,paused,failing"`
	StateText      string         `json:"state_text" doc:"What to do, where something is to do"`
	LastCapturedAt *time.Time     `json:"last_captured_at"`
	FilesWaiting   int64          `json:"files_waiting" doc:"That its collectors have found and not handed over yet"`
	FilesAttention int64          `json:"files_attention" doc:"That could not be archived: see listAttention"`
	QueueLanguages []QueueSetting `json:"queue_languages" doc:"Languages of single queues, before the source's own"`
}

// QueueSetting is a setting for one queue.
type QueueSetting struct {
	Queue    string `json:"queue" minLength:"1" maxLength:"100"`
	Language string `json:"language" maxLength:"35"`
}

// RawFormat is how to read files that have no header.
type RawFormat struct {
	_        struct{} `nullable:"true"`
	Codec    string   `json:"codec" enum:"pcm16,alaw,ulaw"`
	Rate     int      `json:"rate" minimum:"8000" maximum:"48000"`
	Channels int      `json:"channels" minimum:"1" maximum:"2"`
}

// SourceSettings is what Creating and changing a source takes.
type SourceSettings struct {
	Name           string         `json:"name" minLength:"1" maxLength:"100"`
	Kind           string         `json:"kind" enum:"folder,collector,drop,pickup,system,siprec,import"`
	Profile        string         `json:"profile" enum:"asterisk,3cx,freeswitch,yeastar,generic"`
	Folder         string         `json:"folder,omitempty" maxLength:"1000"`
	Logs           string         `json:"logs,omitempty" maxLength:"1000"`
	TimeZone       string         `json:"time_zone" minLength:"1" maxLength:"64"`
	Language       string         `json:"language,omitempty" maxLength:"35"`
	Country        string         `json:"country,omitempty" maxLength:"2"`
	Pattern        string         `json:"pattern,omitempty" maxLength:"500"`
	Raw            *RawFormat     `json:"raw,omitempty"`
	After          string         `json:"after,omitempty" enum:"keep,move,delete" default:"keep"`
	Paused         bool           `json:"paused,omitempty"`
	QueueLanguages []QueueSetting `json:"queue_languages,omitempty" maxItems:"200"`
}

// Attention is one file that could not be archived, and what to do about it.
type Attention struct {
	ID       string    `json:"id"`
	SourceID string    `json:"source_id"`
	File     string    `json:"file"`
	Reason   string    `json:"reason"`
	WhatToDo string    `json:"what_to_do"`
	Since    time.Time `json:"since"`
	Size     int64     `json:"size"`
}

// Retention is how long recordings are kept, counted from the call.
type Retention struct {
	Days     *int       `json:"days" doc:"null: not chosen yet, so nothing is captured"`
	Forever  bool       `json:"forever" doc:"Chosen to keep without end"`
	ChosenAt *time.Time `json:"chosen_at"`
	ChosenBy string     `json:"chosen_by"`
}

// Speech is which engine turns sound into text.
type Speech struct {
	Engine   string      `json:"engine" enum:"none,builtin,openai,azure"`
	URL      string      `json:"url"`
	Model    string      `json:"model"`
	Language string      `json:"language" doc:"Default of sources that name none; empty: not transcribed"`
	KeySet   bool        `json:"key_set" doc:"A key is stored; it is never shown"`
	Purpose  string      `json:"purpose" doc:"Why sound leaves the host; without it the engine stays off"`
	Region   string      `json:"region" doc:"Where the engine's operator processes it"`
	Check    SpeechCheck `json:"check"`
	OffHost  bool        `json:"off_host" doc:"The engine sends sound to another machine"`
}

// SpeechCheck is whether the engine can be used as set.
type SpeechCheck struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Egress is one request that left the host: never what was in it.
type Egress struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id"`
	Engine  string    `json:"engine"`
	Host    string    `json:"host"`
	Purpose string    `json:"purpose"`
	Region  string    `json:"region"`
	Subject string    `json:"subject"`
	Bytes   int64     `json:"bytes" doc:"Sent"`
	SHA256  string    `json:"sha256" doc:"Of what was sent, in hexadecimal"`
	Answer  string    `json:"answer"`
}

// EgressPage is one page of the ledger.
type EgressPage struct {
	Items      []Egress `json:"items"`
	NextCursor string   `json:"next_cursor"`
}

// Member is a person with roles at this customer.
type Member struct {
	PersonID   string      `json:"person_id"`
	Name       string      `json:"name"`
	Email      string      `json:"email"`
	Roles      []string    `json:"roles" enum:"customer_admin,superuser,supervisor,agent,auditor,user"`
	Extensions []string    `json:"extensions" doc:"Theirs now, by the directory"`
	Scope      MemberScope `json:"scope"`
	State      string      `json:"state" enum:"invited,active"`
}

// Token is a machine's key to the API; the secret is shown once.
type Token struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Acts        []string   `json:"acts"`
	Networks    []string   `json:"networks" doc:"Works from there alone; none: from everywhere"`
	ExpiresAt   time.Time  `json:"expires_at"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	LastNetwork string     `json:"last_network" doc:"Network of that use; empty: never used"`
}

// NewToken is a token just made.
type NewToken struct {
	Token
	Secret string `json:"secret" doc:"Shown this once: send it as Authorization: Bearer"`
}

// NewDevice is a device just named, with the code that enrols it once.
type NewDevice struct {
	Device
	EnrolmentCode string    `json:"enrolment_code" doc:"Shown this once"`
	CodeUntil     time.Time `json:"code_until"`
}

// Reach is what one party could and could not get at.
type Reach struct {
	Party  string     `json:"party"`
	Can    []string   `json:"can"`
	Cannot []string   `json:"cannot"`
	How    string     `json:"how"`
	Until  *time.Time `json:"until" doc:"When it ends by itself; null: it does not"`
}

// Event is one line of the change log.
type Event struct {
	ID       string            `json:"id"`
	Position int64             `json:"position"`
	At       time.Time         `json:"at"`
	Code     string            `json:"code"`
	Meaning  string            `json:"meaning" doc:"What the code means, for people"`
	Actor    EventActor        `json:"actor"`
	OnBehalf string            `json:"on_behalf"`
	Subject  string            `json:"subject"`
	Why      string            `json:"why"`
	Facts    map[string]string `json:"facts"`
	Personal map[string]string `json:"personal" doc:"Network address, names: sealed where they are stored"`

	Unreadable bool `json:"unreadable" doc:"What is personal does not open: its key is gone, or the row was altered"`
}

// EventActor is who did it.
type EventActor struct {
	Kind string `json:"kind" enum:"person,token,device,system"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// EventPage is one page of the change log.
type EventPage struct {
	Items      []Event `json:"items"`
	NextCursor string  `json:"next_cursor"`
}
