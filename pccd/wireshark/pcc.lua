-- SPDX-License-Identifier: MIT OR Apache-2.0
-- PCC events of pccd's captures (docs/capture.md), for Wireshark 4.0 and later:
-- copy it into the folder "Personal Lua Plugins" of Help > About > Folders, or
-- tshark -X lua_script:pcc.lua -r FILE

local pcc = Proto("pcc", "ACPI Platform Communication Channel")

local events = {
  [1] = "request", [2] = "reply", [3] = "unasked", [4] = "rejected",
  [5] = "stale", [6] = "ignored", [7] = "conduct", [8] = "failed",
  [9] = "note", [10] = "error", [11] = "started", [12] = "stopped",
  [13] = "lost", [32] = "doorbell", [33] = "complete", [34] = "failure",
  [35] = "interrupt", [36] = "acknowledge", [37] = "published",
  [38] = "taken", [39] = "loaded", [40] = "epoch", [41] = "guest-error",
  [42] = "device",
}
-- Who does it, and to whom.
local guest, platform, device = "guest", "platform", "device"
local ways = {
  [1] = { guest, platform }, [2] = { platform, guest },
  [3] = { platform, guest }, [4] = { guest, platform },
  [5] = { guest, platform }, [6] = { guest, platform },
  [7] = { guest, platform }, [32] = { guest, device },
  [33] = { device, guest }, [34] = { device, guest },
  [35] = { device, guest }, [36] = { guest, device },
  [37] = { device, platform }, [38] = { platform, device },
  [39] = { device, guest }, [40] = { device, platform },
  [41] = { guest, device }, [42] = { device, guest },
}
-- Those whose content comes from the guest.
local from_guest = { [1] = true, [4] = true, [5] = true, [32] = true, [37] = true }
local types = {
  [0] = "generic", [1] = "HW-reduced", [2] = "HW-reduced, acknowledged",
  [3] = "extended, initiator", [4] = "extended, responder",
  [5] = "HW registers", [255] = "not known",
}

local f = {}
local function add(name, kind, label, ...)
  f[name] = ProtoField[kind]("pcc." .. name, label, ...)
  return f[name]
end
pcc.fields = {
  add("version", "uint8", "Version"),
  add("event", "uint8", "Event", base.DEC, events),
  add("subspace", "uint8", "Subspace"),
  add("type", "uint8", "Subspace type", base.DEC, types),
  add("epoch", "absolute_time", "Epoch", base.UTC),
  add("sequence", "uint32", "Number of the request"),
  add("latency_us", "uint32", "Latency in microseconds"),
  add("name", "string", "File"),
  add("handler", "string", "Handler"),
  add("note", "string", "Note"),
  add("summary", "string", "Summary"),
  add("signature", "uint32", "Signature", base.HEX),
  add("flags", "uint32", "Flags", base.HEX),
  add("flags.notify", "bool", "Notify on completion", 32, nil, 0x1),
  add("length", "uint32", "Length"),
  add("command", "uint32", "Command", base.HEX),
  add("command.interrupt", "bool", "Interrupt on completion"),
  add("status", "uint16", "Status", base.HEX),
  add("status.complete", "bool", "Command complete", 16, nil, 0x1),
  add("status.interrupt", "bool", "Platform interrupt", 16, nil, 0x2),
  add("status.error", "bool", "Error", 16, nil, 0x4),
  add("status.notification", "bool", "Platform notification", 16, nil, 0x8),
  add("doorbell", "uint64", "Doorbell", base.HEX),
  add("data", "bytes", "Data"),
  add("envelope.version", "uint16", "Envelope version"),
  add("envelope.flags", "uint32", "Envelope flags", base.HEX),
  add("envelope.error", "bool", "Error status", 32, nil, 0x1),
  add("envelope.notification", "bool", "Notification", 32, nil, 0x2),
  add("envelope.no_interrupt", "bool", "No interrupt", 32, nil, 0x4),
  add("envelope.double_interrupt", "bool", "Double interrupt", 32, nil, 0x8),
  add("envelope.early_interrupt", "bool", "Early interrupt", 32, nil, 0x10),
  add("envelope.leave_completion", "bool", "Leave completion", 32, nil, 0x20),
  add("envelope.force", "bool", "Force", 32, nil, 0x40),
  add("envelope.delay_ms", "uint32", "Delay of the interrupt in milliseconds"),
  add("envelope.subspace", "uint16", "Subspace"),
}
local short = ProtoExpert.new("pcc.short", "Cut short", expert.group.MALFORMED,
  expert.severity.ERROR)
pcc.experts = { short }

-- Wireshark's own dissector of MCTP; absent in versions before 4.2.
local mctp
local function find_mctp()
  if mctp == nil then
    local protocols = DissectorTable.get("sll.ltype")
    mctp = protocols and protocols:get_dissector(0xfa) or false
  end
  return mctp
end

-- Adds fields by name, offset, length; false where the bytes end before.
local function put(tree, tvb, list)
  for _, one in ipairs(list) do
    local name, at, length = one[1], one[2], one[3]
    if at + length > tvb:len() then
      tree:add_tvb_expert_info(short, tvb(), "ends before " .. name)
      return false
    end
    tree:add_le(f[name], tvb(at, length))
  end
  return true
end

local function rest(tree, tvb, at)
  if at < tvb:len() then tree:add(f.data, tvb(at)) end
end

local function envelope(tree, tvb)
  local part = tree:add(pcc, tvb(0, 32), "Envelope")
  put(part, tvb, {
    { "envelope.version", 4, 2 }, { "envelope.flags", 8, 4 },
    { "envelope.error", 8, 4 }, { "envelope.notification", 8, 4 },
    { "envelope.no_interrupt", 8, 4 }, { "envelope.double_interrupt", 8, 4 },
    { "envelope.early_interrupt", 8, 4 },
    { "envelope.leave_completion", 8, 4 }, { "envelope.force", 8, 4 },
    { "envelope.delay_ms", 12, 4 }, { "envelope.subspace", 16, 2 },
  })
end

-- Types 3 and 4, ACPI 6.5 14.3.
local function extended(tree, tvb, pinfo, root)
  if not put(tree, tvb, {
    { "signature", 0, 4 }, { "flags", 4, 4 }, { "flags.notify", 4, 4 },
    { "length", 8, 4 }, { "command", 12, 4 },
  }) then return end
  local length = math.min(tvb:len(), tvb(8, 4):le_uint() + 12)
  if tvb(12, 4):string() == "MCTP" and length >= 20 then
    local body = tvb(16, length - 16)
    local whole = body(3, 1):uint() >= 0xc0
    -- Parts are joined on the interface mctp; twice would be wrong.
    if whole and find_mctp() then
      mctp:call(body:tvb(), pinfo, root)
      return
    end
  end
  rest(tree, tvb, 16)
end

-- Types 0 to 2, ACPI 6.5 14.2.
local function generic(tree, tvb)
  if not put(tree, tvb, {
    { "signature", 0, 4 }, { "command", 4, 2 },
  }) then return end
  tree:add(f["command.interrupt"], tvb(5, 1), tvb(5, 1):uint() >= 0x80)
  if not put(tree, tvb, {
    { "status", 6, 2 }, { "status.complete", 6, 2 },
    { "status.interrupt", 6, 2 }, { "status.error", 6, 2 },
    { "status.notification", 6, 2 },
  }) then return end
  rest(tree, tvb, 8)
end

-- Type 5: the region has no header; the guest's doorbell comes first.
local function registers(tree, tvb, event)
  if not from_guest[event] then return rest(tree, tvb, 0) end
  if put(tree, tvb, { { "doorbell", 0, 8 } }) then rest(tree, tvb, 8) end
end

local function content(tree, tvb, pinfo, root, kind, event)
  if tvb:len() >= 32 and tvb(0, 4):string() == "PCCE" then
    envelope(tree, tvb)
    if tvb:len() == 32 then return end
    tvb = tvb(32):tvb()
  end
  local is_mctp = tvb:len() >= 16 and tvb(12, 4):string() == "MCTP"
  if kind == 5 then
    registers(tree, tvb, event)
  elseif kind == 3 or kind == 4 or (kind == 255 and is_mctp) then
    extended(tree, tvb, pinfo, root)
  elseif kind <= 2 then
    generic(tree, tvb)
  else
    rest(tree, tvb, 0)
  end
end

local function text(tree, tvb, at, name)
  if at + 2 > tvb:len() then return nil end
  local length = tvb(at, 2):le_uint()
  if at + 2 + length > tvb:len() then return nil end
  if length == 0 then return at + 2, "" end
  tree:add(f[name], tvb(at + 2, length))
  return at + 2 + length, tvb(at + 2, length):string(ENC_UTF_8)
end

function pcc.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = "PCC"
  local tree = root:add(pcc, tvb())
  if tvb:len() < 32 or tvb(0, 1):uint() ~= 1 then
    tree:add_tvb_expert_info(short, tvb(), "no PCC event of version 1")
    return
  end
  local event, head = tvb(1, 1):uint(), tvb(2, 2):le_uint()
  put(tree, tvb, { { "version", 0, 1 }, { "event", 1, 1 } })
  if tvb(6, 1):bitfield(7, 1) == 1 then
    put(tree, tvb, { { "subspace", 4, 1 }, { "type", 5, 1 } })
  end
  local epoch = tvb(8, 8):le_uint64()
  if epoch ~= UInt64(0) then
    local second = UInt64(1000000000)
    local nanos = (epoch % second):tonumber()
    local time = NSTime((epoch / second):tonumber(), nanos)
    tree:add(f.epoch, tvb(8, 8), time)
  end
  local number = tvb(16, 4):le_uint()
  if number ~= 0 then tree:add_le(f.sequence, tvb(16, 4)) end
  if tvb(20, 4):le_uint() ~= 0xffffffff then
    tree:add_le(f.latency_us, tvb(20, 4))
  end
  local at, texts = 24, {}
  for _, name in ipairs({ "name", "handler", "note", "summary" }) do
    local after, value = text(tree, tvb(), at, name)
    if not after then
      tree:add_tvb_expert_info(short, tvb(), "ends before " .. name)
      return
    end
    at, texts[name] = after, value
  end
  local info = { events[event] or "event " .. event }
  if tvb(6, 1):bitfield(7, 1) == 1 then
    info[#info + 1] = "subspace " .. tvb(4, 1):uint()
  end
  if number ~= 0 then info[#info + 1] = "#" .. number end
  local line = table.concat(info, " ")
  local parts = {}
  for _, name in ipairs({ "summary", "note" }) do
    if texts[name] ~= "" then parts[#parts + 1] = texts[name] end
  end
  if #parts > 0 then line = line .. ": " .. table.concat(parts, "; ") end
  if texts.handler ~= "" then line = line .. " [" .. texts.handler .. "]" end
  if head >= at and head < tvb:len() then
    local kind = tvb(5, 1):uint()
    content(tree, tvb(head):tvb(), pinfo, root, kind, event)
  end
  tree:append_text(", " .. line)
  pinfo.cols.protocol = "PCC"
  pinfo.cols.info = line
  local way = ways[event]
  if way then
    pinfo.cols.src = way[1]
    pinfo.cols.dst = way[2]
  end
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, pcc)
