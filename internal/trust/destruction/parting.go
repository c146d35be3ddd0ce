package destruction

import (
	"errors"

	"ringfence/internal/archive/collect"
)

// BoxParts is what a collector said of all that it had of a customer who left.
// Body and signature are its own words: a collect.Farewell under the key that it
// enrolled, with counts by what became of the files.
type BoxParts struct {
	Device    string `json:"device"`
	Source    string `json:"source"`
	State     string `json:"state"` // said; waiting, old, revoked: it has not
	Key       []byte `json:"device_key,omitempty"`
	Body      []byte `json:"body,omitempty"`
	Signature []byte `json:"signature,omitempty"`
}

// Parted makes of a box's word what stands in a certificate.
func Parted(w collect.FarewellWord) BoxParts {
	out := BoxParts{Device: w.Device.String(), Source: w.Source.String(), State: string(w.State), Key: w.Key, Body: w.Said.Body, Signature: w.Said.Signature}
	if w.State == collect.FateWaiting {
		out.State = waiting
	}
	return out
}

func (b BoxParts) words() (collect.Farewell, error) {
	return collect.OpenFarewell(collect.Signed{Body: b.Body, Signature: b.Signature}, b.Key)
}

// check holds a box's own words against what the certificate makes of them.
func (b BoxParts) check(customer string) error {
	if b.State != string(collect.FateSaid) {
		if len(b.Body) > 0 || b.State != waiting && b.State != string(collect.FateOld) && b.State != string(collect.FateRevoked) {
			return errors.New("its state is none that a silent collector can have")
		}
		return nil
	}
	said, err := b.words()
	if err == nil && (said.Customer.String() != customer || said.Device.String() != b.Device) {
		err = errors.New("it is of something else")
	}
	return err
}
