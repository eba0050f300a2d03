package dev.vmm.pci.topology;

import dev.vmm.bits.Field;
import dev.vmm.pci.AcsCapability;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.DevicePortType;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What one function's registers said when the topology was made: read once, so that all answers fit
 * together. Offsets are in config space; 0 stands for a capability that is not there.
 *
 * @param status read only where there is no PCI Express capability, as the evidence of that
 * @param extendedHeader the first extended capability's, read only where there is no ACS
 */
record Facts(
    PciFunction function,
    int secondaryBus,
    int status,
    int express,
    int expressCapabilities,
    int deviceCapabilities,
    int deviceControl,
    int extendedHeader,
    int acs,
    int acsCapability,
    int acsControl) {
  private static final int STATUS = 0x06;
  private static final int SECONDARY_BUS = 0x19;
  private static final int EXTENDED_START = 0x100;

  private static final Field PHANTOM =
      PcieCapability.DEVICE_CAPABILITIES_LAYOUT.field("Phantom_Functions_Supported");
  private static final Field PHANTOM_ENABLE =
      PcieCapability.DEVICE_CONTROL_LAYOUT.field("Phantom_Functions_Enable");

  private static final List<String> PORT_SERVICES =
      List.of(
          "ACS_Source_Validation",
          "ACS_P2P_Request_Redirect",
          "ACS_P2P_Completion_Redirect",
          "ACS_Upstream_Forwarding");
  private static final List<String> FUNCTION_SERVICES =
      List.of("ACS_P2P_Request_Redirect", "ACS_P2P_Completion_Redirect");

  /** Lets a request go straight to a peer whose bit of the vector is clear. */
  private static final String EGRESS_CONTROL = "ACS_P2P_Egress_Control";

  /** Lets a request go straight to a peer if it says that its address is translated. */
  private static final String DIRECT_TRANSLATED = "ACS_Direct_Translated_P2P";

  /** Has a port stop requests that say so. */
  private static final String TRANSLATION_BLOCKING = "ACS_Translation_Blocking";

  static Facts read(PciFunction function) {
    ConfigSpace config = function.config();
    int secondary = function.isBridge() ? config.read8(SECONDARY_BUS) : 0;
    Optional<Integer> express = config.capability(PciCapability.PCI_EXPRESS);
    if (express.isEmpty()) {
      return new Facts(function, secondary, config.read16(STATUS), 0, 0, 0, 0, 0, 0, 0, 0);
    }
    int at = express.get();
    int deviceCapabilities = config.read32(at + PcieCapability.DEVICE_CAPABILITIES);
    int deviceControl =
        PHANTOM.isSet(deviceCapabilities) ? config.read16(at + PcieCapability.DEVICE_CONTROL) : 0;
    Optional<Integer> acs = config.extendedCapability(PciCapability.EXT_ACS);
    return new Facts(
        function,
        secondary,
        0,
        at,
        config.read16(at + PcieCapability.CAPABILITIES),
        deviceCapabilities,
        deviceControl,
        acs.isPresent() ? 0 : config.read32(EXTENDED_START),
        acs.orElse(0),
        acs.isPresent() ? config.read16(acs.get() + AcsCapability.CAPABILITY) : 0,
        acs.isPresent() ? config.read16(acs.get() + AcsCapability.CONTROL) : 0);
  }

  private DevicePortType type() {
    return DevicePortType.of(expressCapabilities);
  }

  private boolean isExpress() {
    return express != 0;
  }

  /** Says whether requests from behind leave this bridge under the requester ids that they have. */
  boolean keepsRequesterIds() {
    return isExpress() && type().isPort();
  }

  /** Says whether it leads from PCI Express to a conventional bus, and says so. */
  boolean isToPci() {
    return isExpress() && type() == DevicePortType.PCI_EXPRESS_TO_PCI_BRIDGE;
  }

  boolean isDownstreamPort() {
    return function.isBridge() && isExpress() && type() == DevicePortType.DOWNSTREAM_PORT;
  }

  /** Says whether a link with one device leads down from it. */
  boolean leadsToOneDevice() {
    return isDownstreamPort()
        || (function.isBridge() && isExpress() && type() == DevicePortType.ROOT_PORT);
  }

  /** Returns how many high bits of the function number phantom functions use now, 0 to 3. */
  int phantomBits() {
    return !function.isBridge() && PHANTOM_ENABLE.isSet(deviceControl)
        ? (int) PHANTOM.get(deviceCapabilities)
        : 0;
  }

  String phantomEvidence() {
    return String.format(
        "phantom functions: Device Capabilities at 0x%x is 0x%08x, Phantom_Functions_Supported %d; Device Control at"
            + " 0x%x is 0x%04x, Phantom_Functions_Enable 1",
        express + PcieCapability.DEVICE_CAPABILITIES,
        deviceCapabilities,
        PHANTOM.get(deviceCapabilities),
        express + PcieCapability.DEVICE_CONTROL,
        deviceControl);
  }

  /** Says by which register a bridge replaces requester ids. */
  String bridgeEvidence() {
    String kind =
        isExpress()
            ? String.format(
                "PCI Express Capabilities at 0x%x is 0x%04x, Device/Port_Type %s",
                express + PcieCapability.CAPABILITIES, expressCapabilities, type())
            : String.format(
                "Status at 0x%02x is 0x%04x, and no PCI Express capability is in its list",
                STATUS, status);
    return String.format(
        "%s; Secondary Bus Number at 0x%02x is 0x%02x", kind, SECONDARY_BUS, secondaryBus);
  }

  /**
   * Says whether its requests to other functions go up to be translated. A root port, and a
   * function of a multi-function device, need not have what redirects requests that it never makes;
   * a switch's downstream port must have all of it. Nothing may let requests past what redirects
   * them.
   *
   * <p>Source: PCI Express Base 5.0, "ACS Functions and Capabilities", "ACS Peer-to-Peer Control
   * Interactions".
   */
  boolean isolates() {
    return isExpress() && acs != 0 && !wanted().isEmpty() && gaps().isEmpty();
  }

  /**
   * Returns the services that its kind of function needs; none if nothing would make it isolate.
   */
  private List<String> wanted() {
    if (leadsToOneDevice()) {
      return PORT_SERVICES;
    }
    boolean bridge = function.isBridge() && type() != DevicePortType.UPSTREAM_PORT;
    return bridge ? List.of() : FUNCTION_SERVICES;
  }

  /** Returns what is needed and off, and what is on and lets requests past it. */
  private List<String> gaps() {
    List<String> gaps = new ArrayList<>();
    for (String service : wanted()) {
      boolean implemented = AcsCapability.CAPABILITY_LAYOUT.field(service).isSet(acsCapability);
      boolean required = isDownstreamPort() || service.equals("ACS_Source_Validation");
      if (implemented ? !isOn(service) : required) {
        gaps.add(implemented ? service + " is off" : service + " is not implemented");
      }
    }
    // Both are asked before the redirects are. Which ways a vector leaves open is not looked at.
    if (isOn(EGRESS_CONTROL)) {
      gaps.add(EGRESS_CONTROL + " is on");
    }
    if (isOn(DIRECT_TRANSLATED) && !(leadsToOneDevice() && isOn(TRANSLATION_BLOCKING))) {
      gaps.add(DIRECT_TRANSLATED + " is on");
    }
    return gaps;
  }

  private boolean isOn(String service) {
    return AcsCapability.CONTROL_LAYOUT.field(service + "_Enable").isSet(acsControl);
  }

  /** Says by which register it does not isolate. */
  String acsEvidence() {
    if (!isExpress()) {
      return String.format(
          "%s has no PCI Express capability, so no ACS: Status at 0x%02x is 0x%04x",
          function.rid(), STATUS, status);
    }
    if (acs == 0) {
      return String.format(
          "%s has no ACS capability (000Dh): the first extended capability's header at 0x%x is 0x%08x",
          function.rid(), EXTENDED_START, extendedHeader);
    }
    if (wanted().isEmpty()) {
      return String.format(
          "%s is no port: PCI Express Capabilities at 0x%x is 0x%04x, Device/Port_Type %s",
          function.rid(), express + PcieCapability.CAPABILITIES, expressCapabilities, type());
    }
    return String.format(
        "%s: ACS Control at 0x%x is 0x%04x, ACS Capability at 0x%x is 0x%04x: %s",
        function.rid(),
        acs + AcsCapability.CONTROL,
        acsControl,
        acs + AcsCapability.CAPABILITY,
        acsCapability,
        String.join(", ", gaps()));
  }
}
