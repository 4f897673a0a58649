// SPDX-License-Identifier: Apache-2.0
// Generated from crds/imagepolicies.cosignet.dev.yaml by crds/generate.ts. Do not edit.

const CLUSTER = {
  "type": "object",
  "required": [
    "apiVersion",
    "kind",
    "metadata",
    "spec"
  ],
  "properties": {
    "apiVersion": {
      "const": "cosignet.dev/v1"
    },
    "kind": {
      "const": "ImagePolicy"
    },
    "metadata": {
      "type": "object",
      "required": [
        "name"
      ],
      "properties": {
        "name": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253,
          "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
        }
      }
    },
    "spec": {
      "type": "object",
      "required": [
        "images"
      ],
      "properties": {
        "images": {
          "type": "array",
          "minItems": 1,
          "maxItems": 256,
          "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512
          }
        },
        "namespaceSelector": {
          "type": "object",
          "properties": {
            "matchLabels": {
              "type": "object",
              "maxProperties": 64,
              "additionalProperties": {
                "type": "string",
                "maxLength": 63
              }
            },
            "matchExpressions": {
              "type": "array",
              "maxItems": 64,
              "items": {
                "type": "object",
                "required": [
                  "key",
                  "operator"
                ],
                "properties": {
                  "key": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 317
                  },
                  "operator": {
                    "type": "string",
                    "enum": [
                      "In",
                      "NotIn",
                      "Exists",
                      "DoesNotExist"
                    ]
                  },
                  "values": {
                    "type": "array",
                    "maxItems": 256,
                    "items": {
                      "type": "string",
                      "maxLength": 63
                    }
                  }
                },
                "additionalProperties": false
              }
            }
          },
          "additionalProperties": false
        },
        "action": {
          "type": "string",
          "enum": [
            "Verify",
            "Allow",
            "Deny"
          ]
        },
        "expiresAt": {
          "type": "string",
          "format": "date-time",
          "maxLength": 64
        },
        "reason": {
          "type": "string",
          "minLength": 1,
          "maxLength": 512
        },
        "mode": {
          "type": "string",
          "enum": [
            "Enforce",
            "Warn",
            "Audit"
          ]
        },
        "keys": {
          "type": "array",
          "maxItems": 64,
          "items": {
            "type": "object",
            "properties": {
              "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                "minLength": 1,
                "maxLength": 63
              },
              "pem": {
                "type": "string",
                "minLength": 1,
                "maxLength": 8192
              },
              "secretRef": {
                "type": "object",
                "required": [
                  "name",
                  "key"
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253
                  },
                  "key": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253
                  }
                },
                "additionalProperties": false
              },
              "kms": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "notBefore": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64
              },
              "notAfter": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64
              }
            },
            "additionalProperties": false
          }
        },
        "identities": {
          "type": "array",
          "maxItems": 64,
          "items": {
            "type": "object",
            "properties": {
              "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                "minLength": 1,
                "maxLength": 63
              },
              "issuer": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "issuerPattern": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "subject": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "subjectPattern": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "trustRoot": {
                "type": "string",
                "minLength": 1,
                "maxLength": 63
              },
              "claims": {
                "type": "array",
                "maxItems": 16,
                "items": {
                  "type": "object",
                  "required": [
                    "name"
                  ],
                  "properties": {
                    "name": {
                      "type": "string",
                      "enum": [
                        "githubWorkflowTrigger",
                        "githubWorkflowSHA",
                        "githubWorkflowName",
                        "githubWorkflowRepository",
                        "githubWorkflowRef",
                        "issuer",
                        "buildSignerURI",
                        "buildSignerDigest",
                        "runnerEnvironment",
                        "sourceRepositoryURI",
                        "sourceRepositoryDigest",
                        "sourceRepositoryRef",
                        "sourceRepositoryIdentifier",
                        "sourceRepositoryOwnerURI",
                        "sourceRepositoryOwnerIdentifier",
                        "buildConfigURI",
                        "buildConfigDigest",
                        "buildTrigger",
                        "runInvocationURI",
                        "sourceRepositoryVisibilityAtSigning",
                        "deploymentEnvironment",
                        "tokenSubject"
                      ]
                    },
                    "value": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 1024
                    },
                    "valuePattern": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 1024
                    }
                  },
                  "additionalProperties": false
                }
              }
            },
            "additionalProperties": false
          }
        },
        "certificates": {
          "type": "array",
          "maxItems": 16,
          "items": {
            "type": "object",
            "properties": {
              "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                "minLength": 1,
                "maxLength": 63
              },
              "caPem": {
                "type": "string",
                "minLength": 1,
                "maxLength": 32768
              },
              "secretRef": {
                "type": "object",
                "required": [
                  "name",
                  "key"
                ],
                "properties": {
                  "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253
                  },
                  "key": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253
                  }
                },
                "additionalProperties": false
              },
              "subject": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              },
              "subjectPattern": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024
              }
            },
            "additionalProperties": false
          }
        },
        "threshold": {
          "type": "integer",
          "format": "int32",
          "minimum": 0,
          "maximum": 128
        },
        "required": {
          "type": "array",
          "maxItems": 64,
          "uniqueItems": true,
          "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 63
          }
        },
        "annotations": {
          "type": "object",
          "maxProperties": 64,
          "additionalProperties": {
            "type": "string",
            "maxLength": 1024
          }
        },
        "signedIdentity": {
          "type": "object",
          "required": [
            "matchPolicy"
          ],
          "properties": {
            "matchPolicy": {
              "type": "string",
              "enum": [
                "MatchRepository",
                "ExactRepository",
                "RemapIdentity"
              ]
            },
            "exactRepository": {
              "type": "object",
              "required": [
                "repository"
              ],
              "properties": {
                "repository": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512
                }
              },
              "additionalProperties": false
            },
            "remapIdentity": {
              "type": "object",
              "required": [
                "prefix",
                "signedPrefix"
              ],
              "properties": {
                "prefix": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512
                },
                "signedPrefix": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512
                }
              },
              "additionalProperties": false
            }
          },
          "additionalProperties": false
        },
        "transparencyLog": {
          "type": "string",
          "enum": [
            "Ignore",
            "Require"
          ]
        },
        "platforms": {
          "type": "string",
          "enum": [
            "Index",
            "Each",
            "IndexOrEach"
          ]
        },
        "signatureRepository": {
          "type": "string",
          "minLength": 1,
          "maxLength": 320
        },
        "signatureSecret": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253
        },
        "attestations": {
          "type": "array",
          "maxItems": 16,
          "items": {
            "type": "object",
            "required": [
              "name",
              "predicateType"
            ],
            "properties": {
              "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 63
              },
              "predicateType": {
                "type": "string",
                "minLength": 1,
                "maxLength": 512
              },
              "schema": {
                "type": "object",
                "maxProperties": 64
              },
              "conditions": {
                "type": "array",
                "maxItems": 16,
                "items": {
                  "type": "object",
                  "required": [
                    "expression"
                  ],
                  "properties": {
                    "expression": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 4096
                    },
                    "message": {
                      "type": "string",
                      "maxLength": 512
                    }
                  },
                  "additionalProperties": false
                }
              },
              "select": {
                "type": "string",
                "enum": [
                  "Any",
                  "All",
                  "Newest"
                ]
              },
              "newestBy": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4096
              },
              "signers": {
                "type": "array",
                "minItems": 1,
                "maxItems": 64,
                "uniqueItems": true,
                "items": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63
                }
              }
            },
            "additionalProperties": false
          }
        }
      },
      "additionalProperties": false
    },
    "status": {
      "type": "object",
      "properties": {
        "observedGeneration": {
          "type": "integer",
          "format": "int64"
        },
        "images": {
          "type": "string",
          "maxLength": 600
        },
        "keyCount": {
          "type": "integer",
          "format": "int32"
        },
        "keys": {
          "type": "array",
          "maxItems": 64,
          "items": {
            "type": "object",
            "required": [
              "name",
              "fingerprint",
              "algorithm"
            ],
            "properties": {
              "name": {
                "type": "string",
                "maxLength": 63
              },
              "fingerprint": {
                "type": "string",
                "maxLength": 71
              },
              "algorithm": {
                "type": "string",
                "maxLength": 32
              },
              "lastSeen": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64
              }
            },
            "additionalProperties": false
          }
        },
        "affected": {
          "type": "object",
          "required": [
            "wouldDeny",
            "sample"
          ],
          "properties": {
            "wouldDeny": {
              "type": "integer",
              "format": "int32",
              "minimum": 0
            },
            "undecided": {
              "type": "integer",
              "format": "int32",
              "minimum": 0
            },
            "sample": {
              "type": "array",
              "maxItems": 10,
              "items": {
                "type": "string",
                "maxLength": 1024
              }
            },
            "observedGeneration": {
              "type": "integer",
              "format": "int64"
            },
            "observedAt": {
              "type": "string",
              "format": "date-time",
              "maxLength": 64
            }
          },
          "additionalProperties": false
        },
        "conditions": {
          "type": "array",
          "maxItems": 16,
          "items": {
            "type": "object",
            "required": [
              "type",
              "status",
              "lastTransitionTime",
              "reason",
              "message"
            ],
            "properties": {
              "type": {
                "type": "string",
                "minLength": 1,
                "maxLength": 316
              },
              "status": {
                "type": "string",
                "enum": [
                  "True",
                  "False",
                  "Unknown"
                ]
              },
              "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "minimum": 0
              },
              "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64
              },
              "reason": {
                "type": "string",
                "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                "minLength": 1,
                "maxLength": 1024
              },
              "message": {
                "type": "string",
                "maxLength": 32768
              }
            },
            "additionalProperties": false
          }
        }
      },
      "additionalProperties": false
    }
  },
  "additionalProperties": false
};

const { namespaceSelector: _, ...NAMESPACED_SPEC } = CLUSTER.properties.spec.properties;

/** JSON Schema of a whole policy document; unknown fields are faults. */
export const IMAGE_POLICY_SCHEMA: object = CLUSTER;

/** The same for a policy of a namespace. */
export const NAMESPACED_IMAGE_POLICY_SCHEMA: object = {
  ...CLUSTER,
  properties: {
    ...CLUSTER.properties,
    kind: {
  "const": "NamespacedImagePolicy"
},
    metadata: {
  "type": "object",
  "required": [
    "name",
    "namespace"
  ],
  "properties": {
    "name": {
      "type": "string",
      "minLength": 1,
      "maxLength": 253,
      "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
    },
    "namespace": {
      "type": "string",
      "minLength": 1,
      "maxLength": 63,
      "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    }
  }
},
    spec: { ...CLUSTER.properties.spec, properties: NAMESPACED_SPEC },
  },
};
