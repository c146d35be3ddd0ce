package app_test

import (
	"testing"

	"ringfence/internal/app/server/servertest"
)

func TestMain(m *testing.M) { servertest.RunMain(m, nil) }
