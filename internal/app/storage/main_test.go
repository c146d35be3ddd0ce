package storage

import (
	"testing"

	"ringfence/internal/platform/place/placetest"
)

func TestMain(m *testing.M) { placetest.Main(m) }
