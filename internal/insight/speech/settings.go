package speech

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"golang.org/x/text/language"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

//go:embed settings.sql
var schema string

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 700, Name: "speech settings", SQL: schema}}
}

// The engines by the names that settings use.
const (
	EngineNone    = "none"
	EngineBuiltin = "builtin"
	EngineOpenAI  = "openai"
	EngineAzure   = "azure"
)

// Settings are one customer's choice. The zero Settings transcribe nothing.
type Settings struct {
	Engine   string
	URL      string
	Model    string
	Language string // BCP 47, of sources that name none; "": those are not transcribed
	Purpose  string // why sound leaves the host
	Region   string // where the engine's operator processes it
	KeySet   bool
	OffHost  bool // the engine sends sound to another machine
	SetAt    time.Time

	key secret.Text // never shown
}

// Change is what a customer sets.
type Change struct {
	Engine, URL, Model, Language, Purpose, Region string
	Key                                           secret.Text // zero keeps the stored one, if the host stays the same
}

type settingsRow struct {
	Engine   string `db:"engine"`
	URL      string `db:"url"`
	Model    string `db:"model"`
	Language string `db:"language"`
	Purpose  string `db:"purpose"`
	Region   string `db:"region"`
	Secret   []byte `db:"secret"`
	SetAt    int64  `db:"set_at"`
}

// noRow binds the key to the one row of its table.
var noRow [16]byte

// readSettings reads the settings of tx's place.
func readSettings(tx *place.Tx) (Settings, error) {
	r, err := place.Row[settingsRow](tx, `SELECT engine, url, model, language, purpose, region, secret, set_at FROM speech_settings WHERE one = 1`)
	if fault.Is(err, fault.NotFound) {
		return Settings{Engine: EngineNone}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	s := Settings{
		Engine: r.Engine, URL: r.URL, Model: r.Model, Language: r.Language, Purpose: r.Purpose, Region: r.Region,
		KeySet: len(r.Secret) > 0, OffHost: remote(r.Engine) && !onHost(r.URL), SetAt: time.UnixMilli(r.SetAt).UTC(),
	}
	if s.KeySet {
		key, err := tx.Unseal(place.FieldSpeechKey, noRow, r.Secret)
		if err != nil {
			return Settings{}, err
		}
		s.key = secret.NewText(string(key))
	}
	return s, nil
}

func remote(engine string) bool { return engine == EngineOpenAI || engine == EngineAzure }

// Settings gives the customer's settings, without the key.
func (s *Service) Settings(ctx context.Context, p *place.Place) (set Settings, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		set, err = readSettings(tx)
		return err
	})
	set.key = secret.Text{}
	return set, err
}

// Set stores a choice; fault.Invalid names each field that is wrong. An engine
// on another machine is refused without purpose and region: from then on sound
// would leave the host.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, c Change) (Settings, error) {
	if err := s.validate(&c); err != nil {
		return Settings{}, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		old, err := readSettings(tx)
		if err != nil {
			return err
		}
		key := c.Key
		// The stored key goes to the host it was stored for and to no other: else
		// whoever may change the address could have the key sent to himself.
		if key.IsZero() && remote(c.Engine) && old.Engine == c.Engine && host(old.URL) == host(c.URL) {
			key = old.key
		}
		var sealed []byte
		if !key.IsZero() {
			if sealed, err = tx.Seal(place.FieldSpeechKey, noRow, []byte(key.Reveal())); err != nil {
				return err
			}
		}
		keyFact := "none"
		if sealed != nil {
			keyFact = map[bool]string{true: "kept", false: "set"}[c.Key.IsZero()]
		}
		tx.Record(place.Event{Code: "speech.set", Why: c.Purpose, Facts: map[string]string{
			"engine": c.Engine, "host": host(c.URL), "model": c.Model, "language": c.Language, "region": c.Region, "key": keyFact,
		}})
		_, err = tx.Exec(`INSERT INTO speech_settings (one, engine, url, model, language, purpose, region, secret, set_at)
			VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET engine = excluded.engine, url = excluded.url, model = excluded.model,
			language = excluded.language, purpose = excluded.purpose, region = excluded.region, secret = excluded.secret, set_at = excluded.set_at`,
			c.Engine, c.URL, c.Model, c.Language, c.Purpose, c.Region, sealed, tx.At().UnixMilli())
		return err
	})
	if err != nil {
		return Settings{}, err
	}
	return s.Settings(ctx, p)
}

// validate finds every fault at once, and puts the fields in order.
func (s *Service) validate(c *Change) error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the settings are not valid"}
	add := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	for _, f := range []*string{&c.URL, &c.Model, &c.Language, &c.Purpose, &c.Region} {
		*f = strings.TrimSpace(*f)
	}
	if c.Language != "" {
		tag, err := language.Parse(c.Language)
		if err != nil {
			add("language", "this is no language; write it like en-GB")
		} else {
			c.Language = tag.String()
		}
	}
	switch {
	case c.Engine == EngineNone || c.Engine == EngineBuiltin:
		c.URL, c.Model, c.Purpose, c.Region, c.Key = "", "", "", "", secret.Text{}
	case !remote(c.Engine):
		add("engine", "must be none, builtin, openai or azure")
	default:
		s.validateRemote(c, add)
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

func (s *Service) validateRemote(c *Change, add func(path, text string)) {
	if c.URL == "" {
		add("url", "the address of the speech server is needed")
	} else if err := s.out.Admissible(c.URL); err != nil {
		for _, d := range fault.Of(err).Details {
			add(d.Path, d.Text)
		}
	}
	if onHost(c.URL) { // nothing leaves the host, but the ledger wants its columns filled
		if c.Purpose == "" {
			c.Purpose = "transcription on this host"
		}
		if c.Region == "" {
			c.Region = "this host"
		}
	}
	if c.Purpose == "" {
		add("purpose", "say why sound leaves the host; until then nothing does")
	}
	if c.Region == "" {
		add("region", "say where it is processed; until then nothing leaves the host")
	}
	if c.Engine == EngineOpenAI {
		if err := (OpenAI{Remote{URL: c.URL, Model: c.Model}}).Check(context.Background()); err != nil && c.URL != "" {
			add("model", err.Error())
		}
	}
}

// engine builds what the settings name; nil for none.
func (s *Service) engine(set Settings) Engine {
	r := Remote{URL: set.URL, Key: set.key.Reveal(), Model: set.Model, Purpose: set.Purpose, Region: set.Region}
	switch set.Engine {
	case EngineBuiltin:
		return s.builtin
	case EngineOpenAI:
		return OpenAI{r}
	case EngineAzure:
		return Azure{r}
	default:
		return nil
	}
}

// Check says whether the engine can be used as it is set, in words for the customer.
func (s *Service) Check(ctx context.Context, p *place.Place) (ok bool, text string, err error) {
	var set Settings
	err = p.View(ctx, func(tx *place.Tx) error {
		set, err = readSettings(tx)
		return err
	})
	if err != nil {
		return false, "", err
	}
	e := s.engine(set)
	if e == nil {
		return true, "Recordings are not transcribed.", nil
	}
	if err := e.Check(ctx); err != nil {
		return false, err.Error(), nil
	}
	if set.Language != "" {
		if _, problem := e.Abilities().Language(set.Language); problem != "" {
			return false, problem, nil
		}
	}
	return true, "Ready.", nil
}
